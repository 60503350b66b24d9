//! Secrets in the configuration files: text that opens under the stack's data key only, for the one key it was set for.

use super::{Project, edit};
use crate::error::{Error, Result};
use serde_json::{Map, Value};
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};
use terrane_core::{Config, Properties, Secret};
use terrane_engine::ConfigSource;
use terrane_state::{Store, secrets::is_sealed};

/// Every sealed value by its key as [`edit::written`] gives it, which is what it is bound to.
fn sealed(values: &Map<String, Value>) -> Map<String, Value> {
    let mut all = Map::new();
    collect(&mut Vec::new(), values, &mut all);
    all
}

fn collect<'a>(above: &mut Vec<&'a str>, values: &'a Map<String, Value>, all: &mut Map<String, Value>) {
    for (key, value) in values {
        above.push(key);
        match value {
            Value::Object(inner) => collect(above, inner, all),
            Value::String(text) if is_sealed(text) => {
                all.insert(edit::written(above.iter().copied()), value.clone());
            }
            _ => {}
        }
        above.pop();
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
                let named = read?.into_iter().map(|(key, value)| (edit::plain(&key).unwrap_or(key), value));
                // Another that was as quick has read the same.
                let _ = opened.set(named.collect());
            }
            Ok(config.with_secrets(opened.get().cloned().unwrap_or_default()))
        })
    }

    /// The secret at a key that is sealed.
    pub(crate) async fn open_config(&self, key: &str) -> Result<Option<Value>> {
        let key = edit::canonical(key)?;
        let mut sealed = sealed(self.files.values());
        sealed.retain(|name, _| *name == key);
        Ok(self.opener().open(sealed).await?.remove(&key))
    }

    /// Encrypts a value for one key of the stack's file, and writes it there.
    pub(crate) async fn set_secret(&self, key: &str, value: &Secret<String>) -> Result<()> {
        // Checked first, so that no key is made for nothing.
        let values = Map::from_iter([(edit::canonical(key)?, Value::from(value.expose().as_str()))]);
        self.seal_file(values).await
    }

    /// Encrypts every secret of the stack's file with the key as it is now.
    pub(crate) async fn reseal_config(&self) -> Result<()> {
        self.seal_file(self.open_file(&self.stack).await?).await
    }

    /// The secrets of a stack's own file, opened.
    async fn open_file(&self, stack: &str) -> Result<Map<String, Value>> {
        let opener = Opener { stack: stack.to_owned(), ..self.opener() };
        Ok(opener.open(sealed(&self.files.own_values(stack)?)).await?.into_iter().collect())
    }

    /// Encrypts values with the stack's key, and writes them into its file.
    async fn seal_file(&self, values: Map<String, Value>) -> Result<()> {
        if values.is_empty() {
            return Ok(());
        }
        let sealed = self.seal(&self.stack, values).await?;
        edit::set_texts(&self.files.stack_file(&self.stack), &sealed.values)
    }

    async fn seal(&self, stack: &str, values: Map<String, Value>) -> Result<Properties> {
        let names = values.keys().cloned().collect();
        let mut values = Properties::new(values, names);
        if !values.secret.is_empty() {
            self.store.seal_config(&self.name, stack, &mut values).await?;
        }
        Ok(values)
    }

    /// Writes a stack's file for another stack, too, with its secrets under that one's key. A copy that says the same is left as it is.
    ///
    /// # Errors
    /// When the other stack has a file that says something else.
    pub(crate) async fn copy_file(&self, from: &str, to: &str) -> Result<()> {
        let (old, new) = (self.files.stack_file(from), self.files.stack_file(to));
        if !old.exists() {
            return Ok(());
        }
        let secrets = self.open_file(from).await?;
        if !new.exists() {
            return edit::copy(&old, &new, &self.seal(to, secrets).await?.values);
        }
        if self.has_copy(from, to)? && self.open_file(to).await? == secrets {
            return Ok(());
        }
        Err(Error::usage(format!("{} exists already, and says something else than {}", new.display(), old.display()))
            .hint("keep one of the two; nothing was changed"))
    }

    /// Whether another stack's file says the same as that of a stack, whatever the secrets in both are.
    pub(crate) fn has_copy(&self, of: &str, stack: &str) -> Result<bool> {
        let (mut of, mut copy) = (self.files.own_values(of)?, self.files.own_values(stack)?);
        [&mut of, &mut copy].into_iter().for_each(mask);
        Ok(of == copy)
    }
}

/// Puts nothing into the place of each sealed value.
fn mask(values: &mut Map<String, Value>) {
    for value in values.values_mut() {
        match value {
            Value::Object(inner) => mask(inner),
            Value::String(text) if is_sealed(text) => *value = Value::Null,
            _ => {}
        }
    }
}
