//! Sealing and opening the secrets of a stack's records, snapshots, plans and configuration.

use crate::{
    Error,
    secrets::{self, KeyChange, Keyring, Means, Place, WrappedKey, is_sealed},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};
use terrane_core::{Properties, secret};

/// What keeps the key of a stack that gets its first secret, where the environment gives no passphrase.
pub(crate) enum KeyDefault {
    /// A file on this machine.
    File(PathBuf),
    /// Nothing: other machines read the state, too, and would lack the file. Somebody has to say who may read its secrets.
    Refuse,
}

impl From<PathBuf> for KeyDefault {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

/// Keys that were unlocked, by their id: asking for a passphrase's key is slow by design, and AWS KMS is far away.
static UNLOCKED: LazyLock<Mutex<BTreeMap<String, Keyring>>> = LazyLock::new(Mutex::default);

/// One unlocks at a time: who waited finds the key among those that are unlocked.
static UNLOCKING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The keys of one stack. The data key is made with the stack's first secret, and unwrapped once a process. Where its wrapped form is
/// kept is the store's business.
///
/// # Flow
/// A store makes one of what its state remembers, calls [`Sealer::unlock`] right after loading, before it opens anything, and with each
/// commit makes what [`Sealer::unsaved`] gives durable before, or together with, the first value that was sealed.
pub(crate) struct Sealer {
    default: KeyDefault,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    /// What the state remembers of its keys.
    wrapped: Option<WrappedKey>,
    /// Whether the state remembers it already.
    saved: bool,
    /// Whether the state remembers none yet.
    first: bool,
    keyring: Option<Keyring>,
}

impl Sealer {
    pub(crate) fn new(wrapped: Option<WrappedKey>, default: impl Into<KeyDefault>) -> Self {
        let (saved, first) = (wrapped.is_some(), wrapped.is_none());
        Self { default: default.into(), keys: Mutex::new(Keys { wrapped, saved, first, keyring: None }) }
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gets the data key back, once a process. Nothing happens where there is none yet.
    ///
    /// # Errors
    /// Why it can't be had: a wrong passphrase, a missing identity, a missing permission, a damaged wrap.
    pub(crate) async fn unlock(&self) -> Result<(), Error> {
        let Some(wrapped) = self.wrapped().filter(|_| self.keys().keyring.is_none()) else { return Ok(()) };
        let known = || unlocked().get(wrapped.key_id()).cloned();
        let keyring = match known() {
            Some(keyring) => keyring,
            None => {
                let _one_at_a_time = UNLOCKING.lock().await;
                match known() {
                    Some(keyring) => keyring,
                    None => Keyring::unlock(&wrapped, &self.means()).await?,
                }
            }
        };
        self.hold(keyring);
        Ok(())
    }

    fn hold(&self, keyring: Keyring) {
        unlocked().insert(keyring.key_id().to_owned(), keyring.clone());
        self.keys().keyring = Some(keyring);
    }

    /// Changes what keeps the key, or the key itself. [`Sealer::unsaved`] then gives what is to be made durable.
    ///
    /// # Errors
    /// Why the change can't be made; nothing has changed then.
    pub(crate) async fn change(&self, change: &KeyChange) -> Result<WrappedKey, Error> {
        self.unlock().await?;
        let (keyring, wrapped) = {
            let keys = self.keys();
            (keys.keyring.clone(), keys.wrapped.clone())
        };
        let known = keyring.as_ref().zip(wrapped.as_ref());
        let (keyring, wrapped) = change.apply(known, &self.means()).await?;
        self.hold(keyring);
        let mut keys = self.keys();
        (keys.wrapped, keys.saved) = (Some(wrapped.clone()), false);
        Ok(wrapped)
    }

    /// Keys that were made or changed since, which must be durable before the first value that is sealed with them; [`Sealer::saved`] is
    /// called then.
    pub(crate) fn unsaved(&self) -> Option<WrappedKey> {
        let keys = self.keys();
        keys.wrapped.clone().filter(|_| !keys.saved)
    }

    /// Whether the keys are the stack's first: none may be in their place when they are written.
    pub(crate) fn is_first(&self) -> bool {
        self.keys().first
    }

    /// What the state remembers, or is about to remember, of its key.
    pub(crate) fn wrapped(&self) -> Option<WrappedKey> {
        self.keys().wrapped.clone()
    }

    pub(crate) fn saved(&self) {
        let mut keys = self.keys();
        (keys.saved, keys.first) = (true, false);
    }

    /// Replaces each secret value by its sealed form. The first one makes a key where there is none yet.
    pub(crate) fn seal(&self, lineage: &str, path: &str, properties: &mut Properties) -> Result<(), Error> {
        self.each(properties, |name, value| {
            let place = Place { lineage, urn: path, property: name };
            let text = serde_json::to_vec(value).unwrap_or_default();
            *value = Value::String(self.keyring_or_new()?.seal(&place, &text)?);
            Ok(())
        })
    }

    /// Replaces each sealed value by the secret.
    pub(crate) fn open(&self, lineage: &str, path: &str, properties: &mut Properties) -> Result<(), Error> {
        self.each(properties, |name, value| {
            if let Value::String(text) = &*value
                && is_sealed(text)
            {
                let place = Place { lineage, urn: path, property: name };
                let plain = self.keyring(path, name)?.open_value(&place, text)?;
                *value = serde_json::from_slice(&plain).map_err(|source| Error::Unreadable {
                    place: path.to_owned(),
                    seq: 0,
                    source,
                })?;
                secret::remember(value);
            }
            Ok(())
        })
    }

    fn each(
        &self,
        properties: &mut Properties,
        mut change: impl FnMut(&str, &mut Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if properties.secret.is_empty() {
            return Ok(());
        }
        let values = Arc::make_mut(&mut properties.values);
        for name in &properties.secret {
            if let Some(value) = values.get_mut(name) {
                change(name, value)?;
            }
        }
        Ok(())
    }

    /// The key that a value was sealed with.
    fn keyring(&self, urn: &str, property: &str) -> Result<Keyring, Error> {
        let keys = self.keys();
        match (&keys.keyring, &keys.wrapped) {
            (Some(keyring), _) => Ok(keyring.clone()),
            (None, Some(wrapped)) => Err(secrets::Error::StillLocked { key_id: wrapped.key_id().to_owned() }.into()),
            (None, None) => Err(secrets::Error::KeyGone { urn: urn.to_owned(), property: property.to_owned() }.into()),
        }
    }

    /// The key; made now where the state has none yet.
    fn keyring_or_new(&self) -> Result<Keyring, Error> {
        let mut keys = self.keys();
        if let Some(keyring) = &keys.keyring {
            return Ok(keyring.clone());
        }
        if let Some(wrapped) = &keys.wrapped {
            return Err(secrets::Error::StillLocked { key_id: wrapped.key_id().to_owned() }.into());
        }
        let (keyring, wrapped) = Keyring::create_here(&self.means().guard()?)?;
        // The key of a file may be one that a rotation put there: who has unlocked that knows the keys before it, too.
        unlocked().entry(keyring.key_id().to_owned()).or_insert_with(|| keyring.clone());
        (keys.wrapped, keys.keyring) = (Some(wrapped), Some(keyring.clone()));
        Ok(keyring)
    }

    fn means(&self) -> Means {
        let key_file = match &self.default {
            KeyDefault::File(path) => Some(path.clone()),
            KeyDefault::Refuse => None,
        };
        Means::of_environment(key_file)
    }
}

fn unlocked() -> MutexGuard<'static, BTreeMap<String, Keyring>> {
    UNLOCKED.lock().unwrap_or_else(PoisonError::into_inner)
}
