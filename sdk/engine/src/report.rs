//! What a run has done.

use schemars::JsonSchema;
use serde::Serialize;
use terrane_core::{Properties, Urn, plan::Counts};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Everything that was planned.
    Done,
    /// Something failed.
    Failed,
    /// A person stopped it.
    Interrupted,
    /// It came to a step that is more destructive than what was approved.
    NeedsApproval,
    /// All that was shown is done; what waited for values is still to be planned and shown.
    Unseen,
}

impl Ending {
    /// The word for it in the history and in events.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::NeedsApproval => "needs_approval",
            Self::Unseen => "unseen",
        }
    }
}

/// What a run has done.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Report {
    /// How it ended.
    pub ending: Ending,
    /// What was carried out.
    #[schemars(with = "std::collections::BTreeMap<String, usize>")]
    pub counts: Counts,
    /// The steps that failed.
    pub failures: Vec<Failure>,
    /// Steps that were never started.
    #[schemars(with = "Vec<String>")]
    pub not_started: Vec<Urn>,
    /// Steps whose end could not be written down: the next run finds out how they have ended.
    #[schemars(with = "Vec<String>")]
    pub open: Vec<Urn>,
    /// Steps that turned out more destructive than approved, and why.
    #[schemars(with = "Vec<(String, String)>")]
    pub unapproved: Vec<(Urn, String)>,
    /// What was found of an earlier run that crashed.
    pub recovered: Vec<String>,
    /// The stack's exports.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub exports: Properties,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The chain of steps that decided how long it took, in order, each with its time in milliseconds.
    #[schemars(with = "Vec<(String, u64)>")]
    pub critical_path: Vec<(Urn, u64)>,
}

/// A step that failed.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Failure {
    /// The resource.
    #[schemars(with = "String")]
    pub urn: Urn,
    /// `create`, `update`, `delete`, …
    pub verb: String,
    /// Where it is declared.
    pub site: String,
    /// What failed.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The page that explains it.
    pub code: Option<String>,
}
