//! The plan: a value that says what a run would do to each resource, and why. It can be printed, stored, compared and carried out.

mod change;
mod step;

pub use change::{Change, Shown};
pub use step::{Op, Step, Why};

use crate::{
    Properties, Urn,
    note::{Claim, Fault, Note},
    state::Lineage,
};
use serde::{Deserialize, Serialize};

/// The version of the saved form.
pub const FORMAT: u32 = 1;

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Make the stack what the program says.
    Up,
    /// Delete everything.
    Destroy,
}

/// What a run would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this form.
    pub format: u32,
    /// The project.
    pub project: String,
    /// The stack.
    pub stack: String,
    /// The state that it was made from.
    pub lineage: Lineage,
    /// The number of that state's last record.
    pub seq: u64,
    /// What the run is for.
    pub purpose: Purpose,
    /// What happens to each resource, in an order in which each comes after what it depends on; deletes last.
    pub steps: Vec<Step>,
    /// The parts of the program that wait for values.
    pub waiting: Vec<Waiting>,
    /// What the stack will export, as far as it is known.
    pub exports: Properties,
    /// The exports whose values come with the run.
    pub exports_unknown: Vec<String>,
    /// What the program wants shown.
    pub notes: Vec<Note>,
    /// What `--check` can ask for.
    pub claims: Vec<Claim>,
    /// Why the plan can't be carried out.
    pub faults: Vec<Fault>,
}

/// A part of the program that waits for values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The scope that it will declare into.
    pub scope: String,
    /// The resources that it waits for.
    pub on: Vec<Urn>,
    /// What is in state below it, and left as it is until the values come.
    pub held: Vec<Urn>,
    /// Its declaration.
    pub site: String,
}

/// How many steps of each sort a plan has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// New objects.
    pub create: usize,
    /// Changes in place.
    pub update: usize,
    /// Replacements.
    pub replace: usize,
    /// Deletes.
    pub delete: usize,
    /// Adopted objects.
    pub import: usize,
    /// Renamed resources.
    pub moved: usize,
    /// Objects that leave the state but stay where they are.
    pub forget: usize,
    /// Objects without a change.
    pub same: usize,
}

impl Plan {
    /// The counts.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for step in &self.steps {
            match step.op {
                Op::Create => counts.create += 1,
                Op::Update => counts.update += 1,
                Op::Replace { .. } => counts.replace += 1,
                Op::Delete => counts.delete += 1,
                Op::Import => counts.import += 1,
                Op::Forget => counts.forget += 1,
                Op::Same => counts.same += 1,
            }
            counts.moved += usize::from(step.moved_from.is_some());
        }
        counts
    }

    /// Whether carrying it out would change anything, in the world or in state.
    pub fn has_changes(&self) -> bool {
        !self.waiting.is_empty() || self.steps.iter().any(|step| step.op != Op::Same || step.moved_from.is_some())
    }

    /// One step by resource.
    pub fn step(&self, urn: &Urn) -> Option<&Step> {
        self.steps.iter().find(|step| step.urn == *urn)
    }

    /// The properties in it that may hold secrets, each with the path under which it is sealed.
    ///
    /// # Errors
    /// What `visit` returns.
    pub fn visit_secrets<E>(&mut self, visit: &mut dyn FnMut(&str, &mut Properties) -> Result<(), E>) -> Result<(), E> {
        for step in &mut self.steps {
            let place = format!("{}#inputs", step.urn);
            visit(&place, &mut step.inputs)?;
            step.kept.visit_trigger(&step.urn, visit)?;
        }
        visit("exports", &mut self.exports)
    }
}
