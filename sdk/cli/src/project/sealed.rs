//! Secrets in the configuration files: text that opens under the stack's data key only, for the one key it was set for.

use super::{Project, edit};
use crate::error::Result;
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};
use terrane_core::{Config, Properties, Secret};
use terrane_engine::ConfigSource;
use terrane_state::{Store, secrets::is_sealed};

/// Every sealed value by its dotted key.
pub(crate) fn sealed(values: &Map<String, Value>) -> Map<String, Value> {
    let mut all = Map::new();
    collect("", values, &mut all);
    all
}

fn collect(above: &str, values: &Map<String, Value>, all: &mut Map<String, Value>) {
    for (key, value) in values {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        match value {
            Value::Object(inner) => collect(&path, inner, all),
            Value::String(text) if is_sealed(text) => drop(all.insert(path, value.clone())),
            _ => {}
        }
    }
}

/// What is needed to open them.
#[derive(Clone)]
struct Opener {
    store: Arc<dyn Store>,
    project: String,
    stack: String,
}

impl Opener {
    async fn open(&self, sealed: Map<String, Value>) -> Result<BTreeMap<String, Value>, terrane_state::Error> {
        if sealed.is_empty() {
            return Ok(BTreeMap::new());
        }
        let names = sealed.keys().cloned().collect();
        let mut values = Properties::new(sealed, names);
        self.store.open_config(&self.project, &self.stack, &mut values).await?;
        Ok(values.values.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}

impl Project {
    fn opener(&self) -> Opener {
        Opener { store: self.store.clone(), project: self.name.clone(), stack: self.stack.clone() }
    }

    /// The configuration for the program. Secrets are opened when it is asked for, once.
    pub(super) fn config_source(&self) -> ConfigSource {
        let (values, places, opener) = (self.files.values().clone(), self.files.places().clone(), self.opener());
        let (opened, handle) = (OnceLock::new(), tokio::runtime::Handle::try_current().ok());
        Arc::new(move || {
            let (config, sealed) = (Config::new(values.clone(), places.clone()), sealed(&values));
            let Some(handle) = handle.clone().filter(|_| !sealed.is_empty()) else { return Ok(config) };
            if opened.get().is_none() {
                // Programs are not asynchronous, and the store is.
                let opener = opener.clone();
                let read = std::thread::spawn(move || handle.block_on(async move { opener.open(sealed).await }));
                let read = read
                    .join()
                    .map_err(|_| terrane_core::Error::new("opening the configuration's secrets was cut off"))?;
                // Another that was as quick has read the same.
                let _ = opened.set(read?);
            }
            Ok(config.with_secrets(opened.get().cloned().unwrap_or_default()))
        })
    }

    /// The secret at a key that is sealed.
    pub(crate) async fn open_config(&self, key: &str) -> Result<Option<Value>> {
        let mut sealed = sealed(self.files.values());
        sealed.retain(|name, _| name == key);
        Ok(self.opener().open(sealed).await?.remove(key))
    }

    /// Encrypts a value for one key of the stack's file, and writes it there.
    pub(crate) async fn set_secret(&self, key: &str, value: &Secret<String>) -> Result<()> {
        // Checked first, so that no key is made for nothing.
        edit::keys(key)?;
        let values = Map::from_iter([(key.to_owned(), Value::from(value.expose().as_str()))]);
        self.seal_file(&self.stack, values).await
    }

    /// Encrypts every secret of the stack's file with the key as it is now.
    pub(crate) async fn reseal_config(&self) -> Result<()> {
        self.seal_file(&self.stack, self.open_file(&self.stack).await?).await
    }

    /// The secrets of a stack's own file, opened.
    pub(crate) async fn open_file(&self, stack: &str) -> Result<Map<String, Value>> {
        let opener = Opener { stack: stack.to_owned(), ..self.opener() };
        Ok(opener.open(sealed(&self.files.own_values(stack)?)).await?.into_iter().collect())
    }

    /// Encrypts values with a stack's key, and writes them into its file.
    pub(crate) async fn seal_file(&self, stack: &str, values: Map<String, Value>) -> Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        let names = values.keys().cloned().collect();
        let mut values = Properties::new(values, names);
        self.store.seal_config(&self.name, stack, &mut values).await?;
        edit::set_texts(&self.files.stack_file(stack), &values.values)
    }
}
