//! One resource's part of a plan.

use super::Change;
use crate::{
    Properties, Urn,
    state::{Kept, OpId},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Nothing.
    Same,
    /// A new object.
    Create,
    /// An existing object is adopted.
    Import,
    /// A change in place.
    Update,
    /// A new object in place of the old one.
    Replace {
        /// Whether the old one is deleted before the new one is made.
        delete_first: bool,
    },
    /// The object is deleted.
    Delete,
    /// The object leaves the state and stays where it is.
    Forget,
}

impl Op {
    /// How destructive it is; a run never does more than the plan showed.
    pub fn severity(self) -> u8 {
        match self {
            Self::Same | Self::Forget => 0,
            Self::Create | Self::Import | Self::Update => 1,
            Self::Replace { .. } | Self::Delete => 2,
        }
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Create => "create",
            Self::Import => "import",
            Self::Update => "update",
            Self::Replace { .. } => "replace",
            Self::Delete => "delete",
            Self::Forget => "forget",
        }
    }

    /// The word for it when it is done: "it would be replaced".
    pub fn participle(self) -> &'static str {
        match self {
            Self::Same => "left as it is",
            Self::Create => "created",
            Self::Import => "imported",
            Self::Update => "updated",
            Self::Replace { .. } => "replaced",
            Self::Delete => "deleted",
            Self::Forget => "forgotten",
        }
    }
}

/// Why a resource isn't left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It is in the program and not in state.
    New,
    /// It is in state and not in the program.
    LeftProgram,
    /// The whole stack goes.
    Destroyed,
    /// An input has another value; `from` names the resources that the value comes from.
    Input {
        /// The input.
        name: String,
        /// Where its value comes from.
        from: Vec<Urn>,
    },
    /// An input's value is known only after another resource's step.
    Awaits {
        /// The input.
        name: String,
        /// The resource that it waits for.
        on: Urn,
        /// The output of that resource.
        field: String,
    },
    /// The provider's own place has changed, such as its region.
    Place {
        /// The setting.
        setting: String,
    },
    /// Another resource that it is replaced with is replaced.
    ReplacedWith(Urn),
    /// Its `.replaced_when(..)` value has changed.
    Trigger,
    /// A person asked for it.
    Asked,
    /// The last create or update didn't come to its end.
    Unsettled,
    /// The real object differs from what state says.
    Drifted,
    /// The real object is gone.
    Gone,
    /// It was replaced earlier, and the old object is still there.
    Condemned,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("it is new"),
            Self::LeftProgram => f.write_str("it has left the program"),
            Self::Destroyed => f.write_str("the whole stack goes"),
            Self::Input { name, from } if from.is_empty() => write!(f, "{name} changes"),
            Self::Input { name, from } => {
                let from: Vec<String> = from.iter().map(Urn::label).collect();
                write!(f, "{name} changes with {}", from.join(", "))
            }
            Self::Awaits { name, on, field } => write!(f, "{name} is known after {}.{field}", on.label()),
            Self::Place { setting } => write!(f, "its provider's {setting} changes"),
            Self::ReplacedWith(urn) => write!(f, "{} is replaced", urn.label()),
            Self::Trigger => f.write_str("the value that it is replaced by has changed"),
            Self::Asked => f.write_str("somebody asked for it"),
            Self::Unsettled => f.write_str("its last change did not come to its end"),
            Self::Drifted => f.write_str("the real object differs from state"),
            Self::Gone => f.write_str("the real object is gone"),
            Self::Condemned => f.write_str("it was replaced earlier and is still there"),
        }
    }
}

/// What happens to one resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The resource.
    pub urn: Urn,
    /// What happens.
    pub op: Op,
    /// Whether it may turn out to be less once values are known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uncertain: bool,
    /// Where it is declared, or was.
    pub site: String,
    /// The operation that made the object at hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<OpId>,
    /// The former URN, when it moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<Urn>,
    /// The id of the object that is adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import: Option<String>,
    /// The inputs that are known.
    #[serde(default, skip_serializing_if = "Properties::is_empty")]
    pub inputs: Properties,
    /// The inputs that aren't, and after what they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: BTreeMap<String, String>,
    /// The differences between state and program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// Why it isn't left as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<Why>,
    /// What it depends on, in the program or, for deletes, in state.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dependencies: BTreeSet<Urn>,
    /// The stack's own objects that have its physical name, and are deleted before it is made or renamed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub displaces: BTreeSet<OpId>,
    /// Its options.
    #[serde(default)]
    pub kept: Kept,
    /// Whether state has to follow the program although no call is needed: options, dependencies, declaration.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub noted: bool,
}
