//! Terrane's engine: evaluates programs, plans, executes.
//!
//! A [`Session`] is one stack of one project in one store. It evaluates the program to a graph, plans (pure), and carries plans out with
//! write-ahead intents.

mod apply;
mod error;
mod evaluate;
mod event;
mod execute;
mod keys;
mod lock;
mod moves;
mod options;
mod panics;
mod plan;
mod read;
mod recover;
mod refresh;
mod report;
mod rollback;
mod session;
mod write;

pub use error::{Error, Undecided};
pub use event::{Events, What};
pub use options::{ApplyOptions, Interrupt, PARALLEL, PlanOptions, Refresh, Unseen};
pub use panics::panic_text;
pub use read::{Drift, RefreshReport};
pub use recover::Verdict;
pub use refresh::Observed;
pub use report::{Ending, Failure, Report};
pub use session::{ConfigSource, Planned, Project, Session};
pub use terrane_state::{RealWorld, World};
