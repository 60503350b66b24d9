//! Provider handles as the planner sees them: which settings they have, and whether an object would move to another place.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::{cell::RefCell, rc::Rc};
use terrane_core::{Error, Facts, Graph, ProviderSpec, State, Unresolved};

/// The handles of a graph. Settings that are known once stay so.
pub(crate) struct Providers<'a> {
    graph: &'a Graph,
    known: RefCell<Vec<Option<Rc<Known>>>>,
}

/// A handle whose settings are known.
pub(crate) struct Known {
    pub settings: Map<String, Value>,
    /// The key under which state keeps them.
    pub key: String,
}

impl<'a> Providers<'a> {
    pub(crate) fn new(graph: &'a Graph) -> Self {
        Self { graph, known: RefCell::new(vec![None; graph.handles.len()]) }
    }

    /// The settings of a handle, or why they aren't known.
    pub(crate) fn known(&self, handle: usize, facts: &Facts) -> Result<Rc<Known>, Unresolved> {
        if let Some(known) = &self.known.borrow()[handle] {
            return Ok(known.clone());
        }
        let declared = &self.graph.handles[handle];
        let settings = match declared.settings.resolve(facts)? {
            Value::Object(settings) => settings,
            _ => Map::new(),
        };
        let known = Rc::new(Known { key: key(declared.spec, &settings), settings });
        self.known.borrow_mut()[handle] = Some(known.clone());
        Ok(known)
    }

    /// The setting that says where objects live and that differs from what the object was made with; or that this is not known yet.
    pub(crate) fn moved(
        &self,
        handle: usize,
        old: Option<&str>,
        state: &State,
        facts: &Facts,
    ) -> Option<Result<String, Unresolved>> {
        let before = state.providers.get(old?)?;
        let places = self.graph.handles[handle].spec.place;
        if places.is_empty() {
            return None;
        }
        match self.known(handle, facts) {
            Ok(now) => {
                let other = places.iter().find(|place| before.settings.get(**place) != now.settings.get(**place));
                other.map(|place| Ok((*place).to_owned()))
            }
            Err(unresolved) => Some(Err(unresolved)),
        }
    }
}

fn key(spec: &ProviderSpec, settings: &Map<String, Value>) -> String {
    if settings.is_empty() {
        return spec.name.to_owned();
    }
    let hash = Sha256::digest(Value::Object(settings.clone()).to_string());
    let short: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{}:{short}", spec.name)
}

/// State has resources of a provider that the program doesn't name.
pub(crate) fn missing(name: &str) -> Error {
    Error::new(format!("state has resources of provider `{name}`, which the program does not name"))
        .code("T0302")
        .help(format!(
            "name it with `App::provider`, or put the `{name}` provider back into the program until they are deleted"
        ))
        .not_applied()
}
