//! Sealing and opening the secrets of a stack's records, snapshots and plans.

use crate::{
    Error,
    secrets::{Guard, Keyring, PASSPHRASE_VARIABLE, Passphrase, Place, WrappedKey, is_sealed},
};
use serde_json::Value;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use terrane_core::Properties;

/// The keys of one stack. The data key is made with the stack's first secret, and unwrapped once a process. Where its wrapped form is
/// kept is the store's business.
pub(crate) struct Sealer {
    /// Where the key is when no passphrase guards it.
    key_file: PathBuf,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    /// What the state remembers of its key.
    wrapped: Option<WrappedKey>,
    /// Whether the state remembers it already.
    saved: bool,
    keyring: Option<Keyring>,
}

impl Sealer {
    pub(crate) fn new(wrapped: Option<WrappedKey>, key_file: PathBuf) -> Self {
        let saved = wrapped.is_some();
        Self { key_file, keys: Mutex::new(Keys { wrapped, saved, keyring: None }) }
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key that was made since, which must be durable before the first value that is sealed with it; [`Sealer::saved`] is called then.
    pub(crate) fn unsaved(&self) -> Option<WrappedKey> {
        let keys = self.keys();
        keys.wrapped.clone().filter(|_| !keys.saved)
    }

    pub(crate) fn saved(&self) {
        self.keys().saved = true;
    }

    /// Replaces each secret value by its sealed form.
    pub(crate) fn seal(&self, lineage: &str, path: &str, properties: &mut Properties) -> Result<(), Error> {
        self.each(properties, |keyring, name, value| {
            let place = Place { lineage, urn: path, property: name };
            let text = serde_json::to_vec(value).unwrap_or_default();
            *value = Value::String(keyring.seal(&place, &text)?);
            Ok(())
        })
    }

    /// Replaces each sealed value by the secret.
    pub(crate) fn open(&self, lineage: &str, path: &str, properties: &mut Properties) -> Result<(), Error> {
        self.each(properties, |keyring, name, value| {
            if let Value::String(text) = &*value
                && is_sealed(text)
            {
                let place = Place { lineage, urn: path, property: name };
                let plain = keyring.open_value(&place, text)?;
                *value = serde_json::from_slice(&plain).map_err(|source| Error::Unreadable {
                    place: path.to_owned(),
                    seq: 0,
                    source,
                })?;
            }
            Ok(())
        })
    }

    fn each(
        &self,
        properties: &mut Properties,
        mut change: impl FnMut(&Keyring, &str, &mut Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if properties.secret.is_empty() {
            return Ok(());
        }
        let keyring = self.keyring()?;
        let values = Arc::make_mut(&mut properties.values);
        for name in &properties.secret {
            if let Some(value) = values.get_mut(name) {
                change(&keyring, name, value)?;
            }
        }
        Ok(())
    }

    fn keyring(&self) -> Result<Keyring, Error> {
        let mut keys = self.keys();
        if let Some(keyring) = &keys.keyring {
            return Ok(keyring.clone());
        }
        let passphrase = std::env::var_os(PASSPHRASE_VARIABLE).map(|_| Passphrase::from_env()).transpose()?;
        let guard = passphrase.map_or_else(|| Guard::KeyFile(self.key_file.clone()), Guard::Passphrase);
        let keyring = match &keys.wrapped {
            Some(wrapped) => Keyring::open(wrapped, &guard)?,
            None => {
                let (keyring, wrapped) = Keyring::create(&guard)?;
                keys.wrapped = Some(wrapped);
                keyring
            }
        };
        keys.keyring = Some(keyring.clone());
        Ok(keyring)
    }
}
