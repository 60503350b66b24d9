//! Planted bugs: for each, seeds and scenarios until a checker catches it.

use crate::{
    case::Case,
    check::Violation,
    scenarios::{self, Measured},
    simulation::run_compared,
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

/// Looks for a bug: in the scenarios as they are, in so many seeds at most, and in the scenarios cut at each point.
pub fn hunt(bug: Bug, seeds: u64) -> Caught {
    let caught =
        in_whole_scenarios(bug).or_else(|runs| in_seeds(bug, seeds, runs)).or_else(|runs| in_cut_scenarios(bug, runs));
    caught.unwrap_or_else(|runs| Caught { bug, violation: None, case: None, runs })
}

/// What the bug breaks in a case, if nothing is broken without it.
fn breaks(bug: Bug, case: &Case) -> Option<Violation> {
    plant(Some(bug));
    let violation = run_compared(case, Telling::Silent).violation;
    plant(None);
    violation.filter(|_| run_compared(case, Telling::Silent).violation.is_none())
}

fn in_cases(bug: Bug, runs: &mut u64, cases: impl IntoIterator<Item = Case>) -> Option<Caught> {
    cases.into_iter().find_map(|case| {
        *runs += 1;
        let violation = breaks(bug, &case)?;
        Some(Caught { bug, violation: Some(violation), case: Some(case), runs: *runs })
    })
}

fn in_whole_scenarios(bug: Bug) -> Result<Caught, u64> {
    let mut runs = 0;
    in_cases(bug, &mut runs, scenarios::all().into_iter().map(|scenario| scenario.case)).ok_or(runs)
}

fn in_seeds(bug: Bug, seeds: u64, mut runs: u64) -> Result<Caught, u64> {
    in_cases(bug, &mut runs, (0..seeds).map(Case::drawn)).ok_or(runs)
}

fn in_cut_scenarios(bug: Bug, mut runs: u64) -> Result<Caught, u64> {
    for measured in scenarios::all().into_iter().filter_map(|scenario| Measured::of(scenario).ok()) {
        let cases = measured.points().into_iter().map(|point| measured.cut(&[point]));
        if let Some(caught) = in_cases(bug, &mut runs, cases) {
            return Ok(caught);
        }
    }
    Err(runs)
}
