//! A resource's fields as the engine keeps them: JSON values and which of them are secret.

use crate::planted::{Bug, planted};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeSet, sync::Arc};

/// Named values, some of them secret. Cheap to clone.
///
/// Secrecy is kept for each top-level field: a list or map with one secret in it is secret as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Properties {
    /// The values by field name; a field that is not set is absent, never null.
    pub values: Arc<Map<String, Value>>,
    /// The fields that must not be printed or stored in the clear.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub secret: BTreeSet<String>,
}

impl Properties {
    /// Properties of which none is secret. Nulls are dropped: an input that is not set is absent.
    pub fn plain(values: Map<String, Value>) -> Self {
        Self::new(values, BTreeSet::new())
    }

    /// Values and the names of the secret ones.
    pub fn new(mut values: Map<String, Value>, secret: BTreeSet<String>) -> Self {
        values.retain(|_, value| !value.is_null());
        // A provider may quote them in an error or in its progress.
        secret.iter().filter_map(|name| values.get(name)).for_each(crate::secret::remember);
        Self { values: Arc::new(values), secret }
    }

    /// One value.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.values.get(field)
    }

    /// Whether a field is secret.
    pub fn is_secret(&self, field: &str) -> bool {
        self.secret.contains(field)
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The same values with every secret replaced, for eyes and logs.
    pub fn masked(&self) -> Map<String, Value> {
        let mask = |(name, value): (&String, &Value)| {
            let shown = if self.is_secret(name) && !planted(Bug::SecretThroughPlainRenderer) {
                Value::String(MASK.to_owned())
            } else {
                value.clone()
            };
            (name.clone(), shown)
        };
        self.values.iter().map(mask).collect()
    }
}

/// What stands for a secret wherever something is shown.
pub const MASK: &str = "[secret]";

#[cfg(all(test, feature = "planted"))]
mod tests {
    use super::*;
    use crate::planted::plant;

    #[test]
    fn the_planted_bug_shows_a_secret_and_without_it_none_is_shown() {
        let values = Map::from_iter([("password".to_owned(), Value::from("hunter2-planted"))]);
        let properties = Properties::new(values, ["password".to_owned()].into());
        assert_eq!(properties.masked()["password"], MASK);
        plant(Some(Bug::SecretThroughPlainRenderer));
        assert_eq!(properties.masked()["password"], "hunter2-planted");
        plant(None);
    }
}
