//! Scenarios: short lives, run once for each request at which the process can die, or stand still.

mod commands;

use crate::{
    case::{Case, Command, Job, Meddling, Sizes},
    check::{Canonical, Violation},
    cloud::Habit,
    faults::{CrashPoint, Side},
    program::{Item, Program},
    simulation::{Outcome, expected, run},
    story::Telling,
};
use fastrand::Rng;

/// A scenario.
pub struct Scenario {
    /// What it is about.
    pub name: &'static str,
    /// What happens when nothing goes wrong.
    pub case: Case,
    /// What can happen to a process.
    pub sides: &'static [Side],
}

const DEATHS: &[Side] = &[Side::Before, Side::After];
const ALL: &[Side] = &[Side::Before, Side::After, Side::Stop];
const POWER: &[Side] = &[Side::Power];

/// A scenario that was run once without a crash.
pub struct Measured {
    /// The scenario.
    pub scenario: Scenario,
    /// How many requests there are.
    pub requests: u64,
    cloud: Canonical,
}

impl Measured {
    /// Runs a scenario without a crash.
    ///
    /// # Errors
    /// What is broken even then.
    pub fn of(scenario: Scenario) -> Result<Self, Violation> {
        let mut outcome = run(&scenario.case, Telling::Silent);
        outcome.compare(&expected(&scenario.case)?);
        if let Some(violation) = outcome.violation {
            return Err(violation);
        }
        Ok(Self { scenario, requests: outcome.requests, cloud: outcome.cloud })
    }

    /// Every point at which it can be cut.
    pub fn points(&self) -> Vec<CrashPoint> {
        let sides = self.scenario.sides;
        (1..=self.requests)
            .flat_map(|request| sides.iter().map(move |side| CrashPoint { request, side: *side }))
            .collect()
    }

    /// The case with crashes.
    pub fn cut(&self, crashes: &[CrashPoint]) -> Case {
        Case { crashes: crashes.to_vec(), ..self.scenario.case.clone() }
    }

    /// Runs it with crashes.
    pub fn run(&self, crashes: &[CrashPoint]) -> Outcome {
        let mut outcome = run(&self.cut(crashes), Telling::Silent);
        outcome.compare(&self.cloud);
        outcome
    }

    /// Two crashes, the second one most likely in the recovery from the first.
    pub fn double(&self, rng: &mut Rng) -> [CrashPoint; 2] {
        let mut side = || DEATHS[rng.usize(0..DEATHS.len())];
        let sides = [side(), side()];
        let first = rng.u64(1..=self.requests);
        let second = first + rng.u64(1..=30);
        [CrashPoint { request: first, side: sides[0] }, CrashPoint { request: second, side: sides[1] }]
    }
}

fn up(version: usize) -> Job {
    Job::new(Command::Up, version)
}

/// One writer that brings up version after version.
fn versions(seed: u64, programs: Vec<Program>) -> Case {
    let jobs = (0..programs.len()).map(up).collect();
    Case { programs, writers: vec![jobs], lags_ms: (20_000, 500), ..Case::quiet(seed, Program::default()) }
}

/// One resource of each kind, each needing the one before.
fn chain(value: u32) -> Program {
    let kinds = [Habit::Tags, Habit::Token, Habit::Name, Habit::Returns, Habit::Key, Habit::Unmarked];
    let item = |(number, habit): (usize, Habit)| {
        let item = Item::new(habit, value);
        if number == 0 { item } else { item.needing(&[number - 1]) }
    };
    Program::of(kinds.into_iter().enumerate().map(item))
}

/// Two resources that are replaced, and what depends on them.
fn replaced(kinds: [Habit; 2], shape: u32) -> Program {
    Program::of([
        Item::new(kinds[0], 0).shaped(shape),
        Item::new(kinds[1], 0).shaped(shape).needing(&[0]),
        Item::new(Habit::Tags, 1).needing(&[0, 1]),
        Item::new(Habit::Name, 1).needing(&[1]),
    ])
}

fn expanding(value: u32) -> Program {
    Program::of([
        Item::new(Habit::Tags, 0),
        Item::new(Habit::Token, value).needing(&[0]),
        Item::new(Habit::Name, value).needing(&[0]).later(),
        Item::new(Habit::Key, 0).needing(&[1, 2]).later(),
    ])
}

fn renamed(times: u32) -> Program {
    let again = |item: Item| Item { renamed: times, ..item };
    Program::of([
        again(Item::new(Habit::Tags, 0)),
        again(Item::new(Habit::Name, 0)).needing(&[0]),
        again(Item::new(Habit::Token, times)).needing(&[1]),
    ])
}

/// The scenarios that every commit is tested with.
pub fn all() -> Vec<Scenario> {
    let scenario = |name, case| Scenario { name, case, sides: DEATHS };
    let takeover = Case {
        programs: vec![chain(0), chain(1)],
        writers: vec![vec![up(0)], vec![up(1).after(300)]],
        ..Case::quiet(7, Program::default())
    };
    let compaction = Case { sizes: Sizes::SMALL, ..versions(8, vec![chain(0), chain(1), chain(2)]) };
    let delete = Case {
        writers: vec![vec![up(0), Job::new(Command::Destroy, 0)]],
        ..versions(5, vec![chain(0), Program::default()])
    };
    let mut all = vec![
        scenario("create chain", versions(1, vec![chain(0)])),
        scenario("update", versions(2, vec![chain(0), chain(1)])),
        scenario(
            "replace, create first, with dependents",
            versions(3, vec![replaced([Habit::Tags, Habit::Token], 0), replaced([Habit::Tags, Habit::Token], 1)]),
        ),
        scenario(
            "replace, delete first",
            versions(4, vec![replaced([Habit::Name, Habit::Key], 0), replaced([Habit::Name, Habit::Key], 1)]),
        ),
        scenario("delete", delete),
        scenario("expand wave", versions(6, vec![expanding(0), expanding(1)])),
        Scenario { sides: ALL, ..scenario("takeover", takeover) },
        scenario("compaction", compaction),
        scenario("rename", versions(9, vec![renamed(0), renamed(1)])),
        scenario("refresh", refresh()),
        Scenario { sides: ALL, ..scenario("a reader beside a compaction", reader()) },
        scenario("objects lost, and strangers in their places", strangers(&Job::new(Command::UpRefreshing, 0))),
        scenario("strangers under names that are deleted", strangers(&up(1))),
    ];
    all.extend(commands::all());
    all
}

/// Somebody reads again and again while the log is folded and swept up.
fn reader() -> Case {
    let sizes = Sizes { garbage_ms: 0, ..Sizes::SMALL };
    let looks = (0..12).map(|_| Job::new(Command::Preview, 0).after(100)).collect();
    let writes = (0..3).map(|version| up(version).after(500)).collect();
    Case {
        programs: vec![chain(0), chain(1), chain(2)],
        writers: vec![writes, looks],
        sizes,
        ..Case::quiet(11, Program::default())
    }
}

/// Objects vanish, and somebody else's have their names when the stack is worked on the next time.
fn strangers(next: &Job) -> Case {
    let named = || Program::of([Habit::Name, Habit::Returns, Habit::Key].map(|habit| Item::new(habit, 0)));
    let last = if next.version == 0 { named() } else { Program::default() };
    let meddling = (0..3).map(|object| Meddling { at_ms: 10_000 + object as u64, object: 0, replaced: true }).collect();
    let jobs = vec![up(0), next.clone().after(20_000)];
    Case { programs: vec![named(), last], writers: vec![jobs], meddling, ..Case::quiet(12, Program::default()) }
}

/// A refresh between two versions.
fn refresh() -> Case {
    let jobs = vec![up(0), Job::new(Command::Refresh, 0), Job::new(Command::UpRefreshing, 1)];
    Case { writers: vec![jobs], ..versions(10, vec![chain(0), chain(1)]) }
}
