//! Why a run did not begin or did not end well.

use crate::Report;
use terrane_core::{Fault, Urn};

/// What the engine refuses or fails at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program itself failed.
    #[error("the program failed: {0}")]
    Program(terrane_core::Error),
    /// The program or plan is wrong; each fault says why.
    #[error("refused: {}", faults.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("; "))]
    Refused {
        /// All that is wrong.
        faults: Vec<Fault>,
    },
    /// The state can't be read, written or locked.
    #[error(transparent)]
    State(#[from] terrane_state::Error),
    /// A selection names nothing.
    #[error("`{pattern}` names no resource of the stack")]
    NoMatch {
        /// What was asked for.
        pattern: String,
        /// The nearest name there is.
        nearest: Option<String>,
    },
    /// Open creates can't be brought to an end without a person. Everything else that was open has found its end.
    #[error("{}", .0.iter().map(Undecided::to_string).collect::<Vec<_>>().join("; "))]
    Undecided(Vec<Undecided>),
    /// A provider can't be reached.
    #[error("{0}")]
    Provider(terrane_core::Error),
    /// The state has changed since the plan was made.
    #[error("the state has changed since the plan was made: {why}")]
    Changed {
        /// What is different.
        why: String,
    },
    /// An earlier run was cut off, and what it had begun is to be looked at first: [`Session::recover`](crate::Session::recover).
    #[error("an earlier run was cut off while it worked on {}: recover first, then plan again", labels(urns))]
    Open {
        /// The resources whose calls have no known end.
        urns: Vec<Urn>,
    },
    /// The stack has another name now.
    #[error("stack `{stack}` is called `{to}` now: everything of it is there, and nothing is made under the old name")]
    Renamed {
        /// The name that it had.
        stack: String,
        /// The name that it has.
        to: String,
    },
    /// A move was cut off, and so was the stack that it goes to, in work of its own on such a resource: how that ended is known there only.
    #[error("stack `{stack}` was cut off while it worked on {}, which is to move there: run `up` on `{stack}` first", urn.label())]
    Busy {
        /// The stack that the resource moves to.
        stack: String,
        /// The resource, under its URN there.
        urn: Urn,
    },
    /// The run could not write to its state any more, as when it has lost its hold on the stack.
    #[error("{error}")]
    Cut {
        /// Why.
        error: terrane_state::Error,
        /// What it had done by then.
        report: Box<Report>,
    },
}

/// A create that a person has to decide on: [`Session::decide`](crate::Session::decide).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} ({}, {site}): the last run was cut off while it made it, and whether it exists is not clear: {why}", urn.label(), urn.kind())]
pub struct Undecided {
    /// The resource.
    pub urn: Urn,
    /// Where it is declared.
    pub site: String,
    /// What is known.
    pub why: String,
}

impl Undecided {
    /// The page that explains it.
    pub const CODE: &'static str = "T0310";
}

fn labels(urns: &[Urn]) -> String {
    urns.iter().map(Urn::label).collect::<Vec<_>>().join(", ")
}
