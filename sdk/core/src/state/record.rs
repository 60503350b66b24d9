//! Records: what the journal says happened. The state is their fold.

use super::{Kept, OpId, ProviderRecord};
use crate::{Properties, Urn, kind::Recovery};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One record of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// A run begins.
    RunStart(RunStart),
    /// A provider's settings, before the first object that needs them.
    Provider {
        /// The key that objects refer to it by.
        key: String,
        /// The settings.
        #[serde(flatten)]
        provider: ProviderRecord,
    },
    /// A mutating call is about to start.
    Intent(Intent),
    /// The call came to its end.
    Done(Done),
    /// The call failed.
    Failed(Failed),
    /// After a crash, the object of an open create was found.
    Adopted(Done),
    /// The real object was found to differ from state, and state follows.
    Observed {
        /// The resource.
        urn: Urn,
        /// Its inputs as read.
        inputs: Properties,
        /// Its outputs as read.
        outputs: Properties,
    },
    /// What the program says about a resource changed without a call: options, dependencies, provider, declaration.
    Noted {
        /// The resource.
        urn: Urn,
        /// Its provider's key.
        provider: String,
        /// What it depends on.
        dependencies: BTreeSet<Urn>,
        /// Its options.
        kept: Kept,
        /// Where it is declared.
        site: String,
    },
    /// A resource has another URN now.
    Moved {
        /// The former URN.
        from: Urn,
        /// The new one.
        to: Urn,
    },
    /// An object left the state without a delete.
    Forgotten {
        /// The resource.
        urn: Urn,
        /// The operation that made the object.
        op: OpId,
    },
    /// The state was replaced as a whole: by a rollback, an import or a repair.
    Restored {
        /// What stands in its place. Lineage, history and counters are not taken from it.
        state: Box<super::State>,
    },
    /// Resources are about to go to another stack. They stay here, untouched, until that stack has them.
    Leaving {
        /// The move.
        op: OpId,
        /// The counter value that the id was made from.
        generation: u64,
        /// The other stack.
        to: String,
        /// The resources by their URNs here, with their URNs there.
        urns: BTreeMap<Urn, Urn>,
        /// Whether the stack gets another name: history and exports go along.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        whole: bool,
    },
    /// Resources came from another stack, which still has to forget them.
    Arrived {
        /// The move.
        op: OpId,
        /// The other stack.
        from: String,
        /// The resources, their providers, and what else came along.
        state: Box<super::State>,
    },
    /// A move has come to its end: what left is forgotten here, or what arrived is this stack's alone.
    Settled {
        /// The move.
        op: OpId,
    },
    /// A move did not happen, since the other stack can't take the resources: they stay.
    Stayed {
        /// The move.
        op: OpId,
    },
    /// The stack's exports.
    Outputs {
        /// All of them.
        exports: Properties,
    },
    /// The data keys were wrapped anew.
    KeyRotate {
        /// The id of the key from here on.
        key: String,
    },
    /// A run came to its end.
    RunEnd(RunEnd),
}

/// How a run began.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunStart {
    /// `up`, `destroy`, `refresh`, …
    pub command: String,
    /// What the person said with `--message`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Who ran it: `user@host`.
    pub who: String,
    /// When, in milliseconds of Unix time.
    pub at_ms: i64,
}

/// How a run ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunEnd {
    /// `done`, `failed`, `interrupted`, …
    pub result: String,
    /// When, in milliseconds of Unix time.
    pub at_ms: i64,
    /// How many objects were made, changed, deleted.
    pub changes: [u64; 3],
    /// How long verbs took in this run, in milliseconds, by `verb kind`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub took_ms: Vec<(String, u64)>,
}

impl RunEnd {
    /// The good end of a run that made nothing.
    pub fn done(at_ms: i64) -> Self {
        Self { result: "done".to_owned(), at_ms, ..Self::default() }
    }
}

/// What a call is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Make the object; one that the resource has already is condemned.
    Create,
    /// Adopt an existing object.
    Import,
    /// Change the object in place.
    Update,
    /// Delete the object that [`Intent::target`] made.
    Delete,
}

impl Action {
    /// The verb in the infinitive.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Import => "import",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// Under what the state remembers how long it usually takes.
    pub fn took_key(self, kind: &str) -> String {
        format!("{} {kind}", self.verb())
    }
}

/// A mutating call that is about to start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intent {
    /// The operation.
    pub op: OpId,
    /// The counter value that the id was made from.
    pub generation: u64,
    /// The resource.
    pub urn: Urn,
    /// What is about to happen.
    pub action: Action,
    /// The operation that made the object, for updates and deletes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<OpId>,
    /// Its provider's key.
    pub provider: String,
    /// The inputs that the call gets; empty for a delete.
    #[serde(default, skip_serializing_if = "Properties::is_empty")]
    pub inputs: Properties,
    /// The outputs that the program wants kept secret, beyond those of the kind.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub secret_outputs: BTreeSet<String>,
    /// What the object depends on.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dependencies: BTreeSet<Urn>,
    /// Its options.
    #[serde(default, skip_serializing_if = "Kept::is_default")]
    pub kept: Kept,
    /// Where it is declared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub site: String,
    /// When, in milliseconds of Unix time.
    pub at_ms: i64,
    /// The objects that this create could be mistaken for, as they were before it; only of kinds that have nothing to recognise it by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed: Option<BTreeSet<String>>,
    /// When the call ended without a clear answer, while its process lived on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_ms: Option<i64>,
}

impl Intent {
    /// What the next run does about it, when it is still open then; `recovery` is what its kind declares.
    pub fn outlook(&self, recovery: Recovery) -> String {
        let next = match (self.action, recovery) {
            (Action::Create, Recovery::Token { .. }) => {
                "`up` sends it again with the same token, which makes no second object; once the token is old, it looks for its tag"
            }
            (Action::Create, Recovery::Tags { .. }) => {
                "`up` looks for its tag until it must have shown, and adopts the object if it does"
            }
            (Action::Create, Recovery::Unmarked) => {
                "`up` compares what is there with what was there before, deletes the one new object and makes it again"
            }
            (Action::Create, _) => "`up` first looks whether the object exists, and adopts it if it does",
            (Action::Delete, _) => "`up` first looks whether the object is still there",
            (Action::Update | Action::Import, _) => "`up` does it again",
        };
        format!("its {} was cut off: {next}", self.action.verb())
    }
}

/// A call's success.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// The operation.
    pub op: OpId,
    /// The object's outputs; empty for a delete.
    #[serde(default, skip_serializing_if = "Properties::is_empty")]
    pub outputs: Properties,
    /// Whether the object exists but did not become ready.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsettled: bool,
    /// When, in milliseconds of Unix time.
    pub at_ms: i64,
}

/// What is known after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// Nothing was changed.
    NotApplied,
    /// Something may have been changed, or may be yet: the operation stays open until somebody looks.
    Unknown,
    /// Something may have been changed by an update, and nothing of it can arrive any more: the next run updates the object again.
    Superseded,
}

/// A call's failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// The operation.
    pub op: OpId,
    /// What is known.
    pub cut: Cut,
    /// The provider's words.
    pub message: String,
    /// When, in milliseconds of Unix time.
    pub at_ms: i64,
}

impl Record {
    /// The operation that the record belongs to.
    pub fn op(&self) -> Option<&OpId> {
        match self {
            Self::Intent(Intent { op, .. })
            | Self::Done(Done { op, .. })
            | Self::Adopted(Done { op, .. })
            | Self::Failed(Failed { op, .. }) => Some(op),
            _ => None,
        }
    }

    /// The properties in it that may hold secrets, each with the path under which it is sealed.
    ///
    /// # Errors
    /// What `visit` returns.
    pub fn visit_secrets<E>(&mut self, visit: &mut dyn FnMut(&str, &mut Properties) -> Result<(), E>) -> Result<(), E> {
        match self {
            Self::Intent(intent) => {
                let place = format!("{}#inputs", intent.urn);
                visit(&place, &mut intent.inputs)?;
                intent.kept.visit_trigger(&intent.urn, visit)
            }
            Self::Noted { urn, kept, .. } => kept.visit_trigger(urn, visit),
            Self::Done(done) | Self::Adopted(done) => visit(done.op.as_str(), &mut done.outputs),
            Self::Observed { urn, inputs, outputs } => {
                visit(&format!("{urn}#inputs"), inputs)?;
                visit(&format!("{urn}#outputs"), outputs)
            }
            Self::Outputs { exports } => visit("exports", exports),
            Self::Restored { state } | Self::Arrived { state, .. } => state.visit_secrets(visit),
            _ => Ok(()),
        }
    }
}
