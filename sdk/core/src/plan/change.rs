//! Differences between two sets of inputs, with secrets masked from the start.

use crate::properties::MASK;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// A value as a person may see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Nothing is set.
    Absent,
    /// The value.
    Value(Value),
    /// A secret.
    Secret,
    /// A value that the program hides in diffs.
    Hidden,
    /// A value that comes with the run; the text says after what.
    Unknown(String),
}

impl Shown {
    /// A value, masked where it has to be.
    pub fn of(value: Option<&Value>, secret: bool, hidden: bool) -> Self {
        match value {
            None => Self::Absent,
            Some(_) if secret => Self::Secret,
            Some(_) if hidden => Self::Hidden,
            Some(value) => Self::Value(value.clone()),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("(none)"),
            Self::Value(Value::String(text)) => f.write_str(text),
            Self::Value(value) => write!(f, "{value}"),
            Self::Secret => f.write_str(MASK),
            Self::Hidden => f.write_str("[hidden]"),
            Self::Unknown(why) => f.write_str(why),
        }
    }
}

/// One input that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The input's path: `environment.MODE`, `ports[2]`.
    pub path: String,
    /// What state says.
    pub before: Shown,
    /// What the program says.
    pub after: Shown,
    /// Whether the change means another object.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaces: bool,
}

impl Change {
    /// The differences between two values of one input, down to the fields and items that differ.
    pub fn between(path: &str, before: Option<&Value>, after: Option<&Value>, replaces: bool, changes: &mut Vec<Self>) {
        match (before, after) {
            (Some(before), Some(after)) if before == after => {}
            (Some(Value::Object(old)), Some(Value::Object(new))) => {
                let mut keys: Vec<&String> =
                    old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))).collect();
                keys.sort();
                for key in keys {
                    Self::between(&format!("{path}.{key}"), old.get(key), new.get(key), replaces, changes);
                }
            }
            (Some(Value::Array(old)), Some(Value::Array(new))) => {
                for index in 0..old.len().max(new.len()) {
                    Self::between(&format!("{path}[{index}]"), old.get(index), new.get(index), replaces, changes);
                }
            }
            (before, after) => changes.push(Self {
                path: path.to_owned(),
                before: Shown::of(before, false, false),
                after: Shown::of(after, false, false),
                replaces,
            }),
        }
    }
}
