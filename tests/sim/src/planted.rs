//! Planted bugs: for each, seeds and scenarios until checkers have caught it in several of them, and which checkers those were.

use crate::{
    case::Case,
    check::{Invariant, Violation, mute},
    scenarios::{self, Measured},
    simulation::run_compared,
    story::Telling,
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fmt};
use terrane_core::planted::{Bug, plant};

/// In how many cases a bug is caught before the next one is looked for.
const CASES_MAX: usize = 12;
/// After how many simulations since it was caught first it is looked for no more.
const RUNS_MAX: u64 = 1_500;

/// How often each invariant was the first to be broken.
pub type Noticed = BTreeMap<Invariant, usize>;

/// How the search for one bug ended.
pub struct Caught {
    /// The bug.
    pub bug: Bug,
    /// What it broke first; none when nothing was noticed.
    pub violation: Option<Violation>,
    /// After how many simulations.
    pub runs: u64,
    /// What was the first to notice, in how many cases.
    pub by: Noticed,
    /// Where always the same was the first: what notices in the same cases without that.
    pub without: Noticed,
    cases: Vec<Case>,
}

/// Bugs of the journal on disk. They are caught by the simulated disk in the tests of `terrane-state`, not by these worlds.
pub const ON_DISK: [Bug; 2] = [Bug::TailCutBelowSeal, Bug::FolderNotSynced];

/// A bug by its name.
pub fn by_name(name: &str) -> Option<Bug> {
    Bug::LISTED.into_iter().chain(Bug::FURTHER).find(|bug| format!("{bug:?}").eq_ignore_ascii_case(name))
}

/// Looks for a bug: in the scenarios as they are, in so many seeds at most, and in the scenarios cut at each point.
pub fn hunt(bug: Bug, seeds: u64) -> Caught {
    let (by, without) = (Noticed::new(), Noticed::new());
    let mut caught = Caught { bug, violation: None, runs: 0, by, without, cases: Vec::new() };
    let whole = scenarios::all().into_iter().map(|scenario| scenario.case);
    let measured = || scenarios::all().into_iter().filter_map(|scenario| Measured::of(scenario).ok());
    let cut =
        |measured: Measured| measured.points().into_iter().map(|point| measured.cut(&[point])).collect::<Vec<_>>();
    let cases = whole.chain((0..seeds).map(Case::drawn)).chain(std::iter::once_with(measured).flatten().flat_map(cut));
    let mut runs = 0;
    for case in cases {
        let is_done = caught.cases.len() == CASES_MAX || (!caught.cases.is_empty() && runs > caught.runs + RUNS_MAX);
        if is_done {
            break;
        }
        runs += 1;
        if caught.cases.is_empty() {
            caught.runs = runs;
        }
        caught.take(case);
    }
    caught.look_without();
    caught
}

/// What the bug breaks in a case.
fn broken(bug: Bug, case: &Case) -> Option<Violation> {
    plant(Some(bug));
    let violation = run_compared(case, Telling::Silent).violation;
    plant(None);
    violation
}

impl Caught {
    /// Tries a case; it counts if nothing is broken without the bug.
    fn take(&mut self, case: Case) {
        let Some(violation) = broken(self.bug, &case) else { return };
        if run_compared(&case, Telling::Silent).violation.is_none() {
            *self.by.entry(violation.invariant).or_default() += 1;
            self.violation.get_or_insert(violation);
            self.cases.push(case);
        }
    }

    /// The invariant that alone catches it.
    pub fn alone(&self) -> Option<Invariant> {
        let mut by = self.by.keys();
        by.next().copied().filter(|invariant| by.next().is_none() && *invariant != Invariant::Liveness)
    }

    fn look_without(&mut self) {
        let Some(alone) = self.alone() else { return };
        mute(Some(alone));
        for case in &self.cases {
            if let Some(violation) = broken(self.bug, case) {
                *self.without.entry(violation.invariant).or_default() += 1;
            }
        }
        mute(None);
    }

    fn to_json(&self) -> Value {
        let counts = |noticed: &Noticed| -> Map<String, Value> {
            noticed.iter().map(|(invariant, cases)| (invariant.to_string(), json!(cases))).collect()
        };
        json!({
            "bug": format!("{:?}", self.bug),
            "listed": Bug::LISTED.contains(&self.bug),
            "caught": self.violation.is_some(),
            "runs": self.runs,
            "by": counts(&self.by),
            "without": counts(&self.without),
        })
    }
}

impl fmt::Display for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{:?}", self.bug);
        let Some(violation) = &self.violation else {
            return write!(f, "{name:<40} NOT CAUGHT in {} runs", self.runs);
        };
        write!(f, "{name:<40} caught by {}; after {} runs {violation}", words(&self.by), self.runs)
    }
}

fn words(noticed: &Noticed) -> String {
    let words: Vec<String> = noticed.iter().map(|(invariant, cases)| format!("{invariant} ({cases})")).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

/// What the searches for all bugs came to.
pub struct Report(pub Vec<Caught>);

impl Report {
    /// For each invariant a bug that it alone catches, if there is one; best one that nothing notices without it.
    fn own(&self) -> impl Iterator<Item = (Invariant, Option<&Caught>)> {
        Invariant::NUMBERED.into_iter().map(|invariant| {
            let own = self.0.iter().filter(|caught| caught.alone() == Some(invariant));
            (invariant, own.min_by_key(|caught| caught.without.len()))
        })
    }

    /// How many of these bugs were caught. Those of the disk are, where the tests that the command runs besides say so.
    fn caught(&self, bugs: &[Bug]) -> usize {
        let found = |bug: &&Bug| self.0.iter().any(|caught| caught.bug == **bug && caught.violation.is_some());
        bugs.iter().filter(|bug| ON_DISK.contains(bug) || found(bug)).count()
    }

    /// Whether every bug was caught, and each invariant has one of its own.
    pub fn is_good(&self) -> bool {
        self.0.iter().all(|caught| caught.violation.is_some()) && self.own().all(|(_, own)| own.is_some())
    }

    /// As tools read it.
    pub fn to_json(&self) -> Value {
        let own: Map<String, Value> = self
            .own()
            .map(|(invariant, own)| (invariant.to_string(), json!(own.map(|own| format!("{:?}", own.bug)))))
            .collect();
        json!({
            "listed": Bug::LISTED.len(),
            "listed_caught": self.caught(&Bug::LISTED),
            "further": Bug::FURTHER.len(),
            "further_caught": self.caught(&Bug::FURTHER),
            "bugs": self.0.iter().map(Caught::to_json).collect::<Vec<_>>(),
            "own": own,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "what each invariant alone catches, and what would notice without it:")?;
        for (invariant, own) in self.own() {
            match own {
                Some(own) => writeln!(f, "  {invariant:<4} {:<38} {}", format!("{:?}", own.bug), words(&own.without))?,
                None => writeln!(f, "  {invariant:<4} NO BUG OF ITS OWN")?,
            }
        }
        let (listed, further) = (self.caught(&Bug::LISTED), self.caught(&Bug::FURTHER));
        write!(
            f,
            "{listed} of {} listed bugs caught, {further} of {} further ones",
            Bug::LISTED.len(),
            Bug::FURTHER.len()
        )
    }
}
