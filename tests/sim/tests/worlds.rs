//! What every commit is tested with: scenarios cut at every point, random seeds, and stores that break the rules.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use terrane_core::{Record, state::RunStart};
use terrane_sim::{
    case::{Case, Command, Job},
    runs::{self, Range},
    scenarios,
    scheduler::{Pid, Scheduler},
    simulation::run_compared,
    store::broken::{Broken, Defect},
    story::{Story, Telling},
    summary::Summary,
    world::ProcessWorld,
};
use terrane_state::{
    Error, Holder, Store,
    s3::{self, S3Store, Settings},
};

/// As many as CI machines have at least.
const THREADS: usize = 2;

fn passes(summary: &Summary) {
    let failures: Vec<String> = summary
        .failures
        .iter()
        .map(|failure| {
            let case = serde_json::to_string(&failure.case).unwrap();
            format!("{}: {}\n  cargo xtask sim --replay '{case}'", failure.name, failure.violation)
        })
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_scenario_survives_a_crash_at_every_point() {
    let summary = runs::scenarios(scenarios::all(), THREADS);
    passes(&summary);
    assert!(summary.crash_points > 1_000, "only {} points", summary.crash_points);
}

#[test]
fn a_second_crash_in_the_recovery_from_the_first_is_survived_too() {
    passes(&runs::double_crashes(scenarios::all(), 1_000, 0, THREADS));
}

#[test]
fn random_programs_faults_and_writers_break_no_invariant() {
    passes(&runs::seeds(Range { from: 0, seeds: 2_000, until: None }, THREADS));
}

#[test]
fn several_writers_race_on_one_stack() {
    for writers in [2, 4] {
        for seed in 0..20 {
            let drawn = Case::drawn(seed);
            let versions = drawn.programs.len();
            let job = |writer: usize| Job::new(Command::Up, writer % versions);
            let case = Case { writers: (0..writers).map(|writer| vec![job(writer)]).collect(), ..drawn };
            let violation = run_compared(&case, Telling::Silent).violation;
            assert_eq!(violation.map(|violation| violation.to_string()), None, "{writers} writers, seed {seed}");
        }
    }
}

#[test]
fn stores_that_break_the_rules_are_refused_before_the_first_write() {
    for defect in Defect::ALL {
        let scheduler = Scheduler::new(1, Story::new(Telling::Silent));
        let world = ProcessWorld::new(scheduler.clone(), Pid::OUTSIDE, 0, 1);
        let broken = Broken::new(defect, scheduler.clone());
        let store = S3Store::new(broken.clone(), world, Settings::default());
        let opened = scheduler.run(async move {
            let journal = store.open("shop", "dev", &Holder::current()).await?;
            journal.commit(vec![Record::RunStart(RunStart::default())]).await
        });
        let refused = matches!(opened, Ok(Err(Error::S3(s3::Error::Unfit { .. }))));
        assert!(refused, "{defect:?}: {opened:?}");
        assert!(broken.keys().iter().all(|key| !key.ends_with("/head")), "{defect:?} has a head");
    }
}
