//! What many simulations came to.

use crate::{case::Case, check::Violation, faults::Fault, simulation::Outcome};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A case that broke an invariant.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What it is called: a seed, or a point of a scenario.
    pub name: String,
    /// The case.
    pub case: Case,
    /// What was broken.
    pub violation: Violation,
}

/// What many simulations came to.
#[derive(Debug, Default)]
pub struct Summary {
    /// How many seeds were lived through.
    pub seeds: u64,
    /// How many points of scenarios and small worlds.
    pub crash_points: u64,
    /// How many pairs of them.
    pub double_crashes: u64,
    /// How often each fault came.
    pub faults: BTreeMap<Fault, u64>,
    /// The cases that broke an invariant; the first [`FAILURES_KEPT`] of them.
    pub failures: Vec<Failure>,
    /// How many there were in all.
    pub failed: u64,
}

/// How many failures are kept.
pub const FAILURES_KEPT: usize = 50;

impl Summary {
    /// Takes one simulation into account.
    pub fn add(&mut self, name: impl FnOnce() -> String, case: &Case, outcome: &Outcome) {
        for (fault, count) in &outcome.tally {
            *self.faults.entry(*fault).or_default() += count;
        }
        if let Some(violation) = &outcome.violation {
            self.fail(name(), case, violation.clone());
        }
    }

    /// Takes down a failure.
    pub fn fail(&mut self, name: String, case: &Case, violation: Violation) {
        self.failed += 1;
        if self.failures.len() < FAILURES_KEPT {
            self.failures.push(Failure { name, case: case.clone(), violation });
        }
    }

    /// Puts two together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.seeds += other.seeds;
        self.crash_points += other.crash_points;
        self.double_crashes += other.double_crashes;
        for (fault, count) in other.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        self.failures.extend(other.failures);
        self.failed += other.failed;
        self
    }

    /// As tools read it.
    pub fn to_json(&self, seconds: f64) -> Value {
        let faults: Map<String, Value> =
            self.faults.iter().map(|(fault, count)| (fault.name().to_owned(), json!(count))).collect();
        json!({
            "seeds": self.seeds,
            "failures": self.failed,
            "seconds": (seconds * 10.0).round() / 10.0,
            "crash_points": self.crash_points,
            "double_crashes": self.double_crashes,
            "faults": faults,
        })
    }

    /// As people read it.
    pub fn to_text(&self, seconds: f64) -> String {
        let mut parts = Vec::new();
        for (count, what) in
            [(self.seeds, "seeds"), (self.crash_points, "crash points"), (self.double_crashes, "double crashes")]
        {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        format!("{} in {seconds:.1} s: {} failures", parts.join(", "), self.failed)
    }
}
