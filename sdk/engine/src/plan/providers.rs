//! Provider handles as the planner sees them: which settings they have, and whether an object would move to another place.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use terrane_core::{Facts, Graph, ProviderSpec, State};

/// The handles of a graph.
pub(crate) struct Providers<'a> {
    graph: &'a Graph,
}

impl<'a> Providers<'a> {
    pub(crate) fn new(graph: &'a Graph) -> Self {
        Self { graph }
    }

    /// The settings of a handle, if they are known.
    pub(crate) fn settings(&self, handle: usize, facts: &Facts) -> Option<Map<String, Value>> {
        match self.graph.handles[handle].settings.resolve(facts) {
            Ok(Value::Object(settings)) => Some(settings),
            Ok(_) => Some(Map::new()),
            Err(_) => None,
        }
    }

    /// The key of a handle in state, if its settings are known.
    pub(crate) fn key(&self, handle: usize, facts: &Facts) -> Option<String> {
        Some(key(self.graph.handles[handle].spec, &self.settings(handle, facts)?))
    }

    /// The setting that says where objects live and that differs from what the object was made with.
    pub(crate) fn moved(&self, handle: usize, old: Option<&str>, state: &State, facts: &Facts) -> Option<String> {
        let before = state.providers.get(old?)?;
        let now = self.settings(handle, facts)?;
        let places = self.graph.handles[handle].spec.place;
        places.iter().find(|place| before.settings.get(**place) != now.get(**place)).map(|place| (*place).to_owned())
    }
}

/// The key under which state keeps a provider's settings.
pub(crate) fn key(spec: &ProviderSpec, settings: &Map<String, Value>) -> String {
    if settings.is_empty() {
        return spec.name.to_owned();
    }
    let hash = Sha256::digest(Value::Object(settings.clone()).to_string());
    let short: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{}:{short}", spec.name)
}
