//! Makes a failing case smaller: fewer writers, runs, versions, resources and faults, as long as the same invariant breaks.

use crate::{
    case::{Case, Sizes},
    check::Invariant,
    simulation::{Outcome, run_compared},
    story::Telling,
};

/// How many smaller cases are tried.
const TRIES_MAX: usize = 600;

/// The smallest case found that breaks the same invariant.
pub fn shrink(case: &Case, invariant: Invariant) -> Case {
    let mut shrinker =
        Shrinker { invariant, tries: 0, best: case.clone(), drawn: run_compared(case, Telling::Silent).drawn };
    while shrinker.pass() && shrinker.tries < TRIES_MAX {}
    shrinker.best
}

struct Shrinker {
    invariant: Invariant,
    tries: usize,
    best: Case,
    /// How many faults the best case draws.
    drawn: u64,
}

impl Shrinker {
    /// Takes a smaller case if it still fails.
    fn take(&mut self, case: Case) -> bool {
        if case == self.best || self.tries >= TRIES_MAX {
            return false;
        }
        self.tries += 1;
        let Outcome { violation, drawn, .. } = run_compared(&case, Telling::Silent);
        let fails = violation.is_some_and(|violation| violation.invariant == self.invariant);
        if fails {
            (self.best, self.drawn) = (case, drawn);
        }
        fails
    }

    /// Tries everything once; whether anything helped.
    fn pass(&mut self) -> bool {
        let before = self.best.clone();
        self.writers();
        self.versions();
        self.resources();
        self.faults();
        self.rest();
        self.best != before
    }

    fn writers(&mut self) {
        for writer in (0..self.best.writers.len()).rev() {
            let mut case = self.best.clone();
            case.writers.remove(writer);
            if !self.take(case) {
                for job in (0..self.best.writers[writer].len()).rev() {
                    let mut case = self.best.clone();
                    case.writers[writer].remove(job);
                    self.take(case);
                }
            }
        }
        for meddling in (0..self.best.meddling.len()).rev() {
            let mut case = self.best.clone();
            case.meddling.remove(meddling);
            self.take(case);
        }
    }

    fn versions(&mut self) {
        for version in (0..self.best.programs.len()).rev().filter(|version| *version > 0) {
            let mut case = self.best.clone();
            case.programs.remove(version);
            for job in case.writers.iter_mut().flatten().chain(&mut case.last).filter(|job| job.version >= version) {
                job.version -= 1;
            }
            self.take(case);
        }
    }

    fn resources(&mut self) {
        let numbers: Vec<usize> = self.best.programs.iter().flat_map(|program| program.0.keys().copied()).collect();
        let last = numbers.into_iter().max().unwrap_or(0);
        for number in (0..=last).rev() {
            let mut case = self.best.clone();
            for program in &mut case.programs {
                program.0.remove(&number);
                program.mend();
            }
            self.take(case);
        }
        for version in 0..self.best.programs.len() {
            let numbers: Vec<usize> = self.best.programs[version].0.keys().copied().collect();
            for number in numbers {
                let mut case = self.best.clone();
                if let Some(item) = case.programs[version].0.get_mut(&number) {
                    item.needs.clear();
                    item.reads = None;
                }
                self.take(case);
            }
        }
    }

    fn faults(&mut self) {
        for fault in self.best.rates.kinds().collect::<Vec<_>>() {
            let case = Case { rates: self.best.rates.without(fault), ..self.best.clone() };
            self.take(case);
        }
        let mut stretch = self.drawn.next_power_of_two().max(1);
        while stretch >= 1 {
            for first in (1..=self.drawn).step_by(usize::try_from(stretch).unwrap_or(usize::MAX)) {
                let mut case = self.best.clone();
                case.spared.extend(first..first + stretch);
                self.take(case);
            }
            stretch /= 2;
        }
        for crash in (0..self.best.crashes.len()).rev() {
            let mut case = self.best.clone();
            case.crashes.remove(crash);
            self.take(case);
        }
    }

    fn rest(&mut self) {
        let simpler: [fn(&mut Case); 5] = [
            |case| case.sizes = Sizes::LARGE,
            |case| case.lags_ms = (0, 0),
            |case| case.parallel = 1,
            |case| case.beside = false,
            |case| case.secret = false,
        ];
        for simplify in simpler {
            let mut case = self.best.clone();
            simplify(&mut case);
            self.take(case);
        }
    }
}
