//! Planted bugs: for each, seeds and scenarios until a checker catches it.

use crate::{
    case::Case,
    check::Violation,
    scenarios::{self, Measured},
    simulation::{Outcome, run_compared},
    story::Telling,
};
use terrane_core::planted::{Bug, plant};

/// How the search for one bug ended.
pub struct Caught {
    /// The bug.
    pub bug: Bug,
    /// What it broke; none when nothing was noticed.
    pub violation: Option<Violation>,
    /// The case in which it did.
    pub case: Option<Case>,
    /// After how many simulations.
    pub runs: u64,
}

/// Bugs of the journal on disk. They are caught by the simulated disk in the tests of `terrane-state`, not by these worlds.
pub const ON_DISK: [Bug; 2] = [Bug::TailCutBelowSeal, Bug::FolderNotSynced];

/// A bug by its name.
pub fn by_name(name: &str) -> Option<Bug> {
    Bug::ALL.into_iter().find(|bug| format!("{bug:?}").eq_ignore_ascii_case(name))
}

/// Looks for a bug, in so many seeds at most and then in the scenarios.
pub fn hunt(bug: Bug, seeds: u64) -> Caught {
    plant(Some(bug));
    let caught = in_seeds(bug, seeds).or_else(|runs| in_scenarios(bug, runs));
    plant(None);
    caught.unwrap_or_else(|runs| Caught { bug, violation: None, case: None, runs })
}

fn in_seeds(bug: Bug, seeds: u64) -> Result<Caught, u64> {
    for seed in 0..seeds {
        let case = Case::drawn(seed);
        if let Some(violation) = run_compared(&case, Telling::Silent).violation {
            return Ok(Caught { bug, violation: Some(violation), case: Some(case), runs: seed + 1 });
        }
    }
    Err(seeds)
}

fn in_scenarios(bug: Bug, mut runs: u64) -> Result<Caught, u64> {
    for scenario in scenarios::all() {
        let case = scenario.case.clone();
        let measured = match Measured::of(scenario) {
            Ok(measured) => measured,
            Err(Outcome { violation, .. }) => return Ok(Caught { bug, violation, case: Some(case), runs }),
        };
        for point in measured.points() {
            runs += 1;
            if let Some(violation) = measured.run(&[point]).violation {
                return Ok(Caught { bug, violation: Some(violation), case: Some(measured.cut(&[point])), runs });
            }
        }
    }
    Err(runs)
}
