//! A state's data keys, unwrapped, and the sealing and opening of secret values with them.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use std::sync::Arc;
use zeroize::Zeroizing;

use super::{
    error::{Error, Result},
    guard::Guard,
    key::Key,
    key_file,
    means::Means,
    wrapped::{Wrap, WrappedKey},
};

const PREFIX: &str = "terrane-sealed:";
const VERSION: &str = "1";

/// Whether a string of the state is a sealed secret.
#[must_use]
pub fn is_sealed(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// Where a secret stands; it opens there only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The state's lineage.
    pub lineage: &'a str,
    /// The resource.
    pub urn: &'a str,
    /// The property's path, such as `inputs.password`.
    pub property: &'a str,
}

/// A state's data key, unwrapped, with those that were rotated out.
#[derive(Debug, Clone)]
pub struct Keyring {
    pub(super) key: Key,
    key_id: String,
    pub(super) older: Arc<Vec<Key>>,
}

impl Keyring {
    /// A new data key, and what the state must remember of it. A key in a key file that exists already is used as it is.
    ///
    /// # Errors
    /// Where the key can't be wrapped, or the system gives no random numbers.
    pub async fn create(guard: &Guard) -> Result<(Self, WrappedKey)> {
        let keyring = Self::fresh(guard)?;
        let wrap = guard.wrap(&keyring.key).await?;
        Ok(keyring.wrapped_by(wrap))
    }

    /// The same, without asking another machine.
    pub(crate) fn create_here(guard: &Guard) -> Result<(Self, WrappedKey)> {
        let keyring = Self::fresh(guard)?;
        let wrap = guard.wrap_here(&keyring.key)?;
        Ok(keyring.wrapped_by(wrap))
    }

    fn fresh(guard: &Guard) -> Result<Self> {
        let key = match guard {
            Guard::KeyFile(path) => key_file::read_or_create(path)?,
            Guard::Passphrase(_) | Guard::Age(_) | Guard::AwsKms(_) => Key::random()?,
        };
        Ok(Self::of(key, Vec::new()))
    }

    fn wrapped_by(self, wrap: Wrap) -> (Self, WrappedKey) {
        let wrapped = WrappedKey { key_id: self.key_id.clone(), wraps: vec![wrap], older: Vec::new() };
        (self, wrapped)
    }

    /// The data key that a state remembers, by the first of its ways that works with what there is. AWS KMS is asked after what is at hand, and a
    /// person last.
    ///
    /// # Errors
    /// Why none of them works: each has its own reason.
    pub async fn unlock(wrapped: &WrappedKey, means: &Means) -> Result<Self> {
        let id = wrapped.key_id();
        let mut reasons = Vec::new();
        let mut ways: Vec<&Wrap> = wrapped.wraps.iter().collect();
        ways.sort_by_key(|wrap| means.trouble(wrap));
        for wrap in ways {
            match means.unwrap_key(id, wrap).await {
                Ok(key) => return Self::with_older(key, wrapped),
                Err(Error::NotAnswered) => return Err(Error::NotAnswered),
                Err(error) => reasons.push(error),
            }
        }
        match reasons.len() {
            1 => Err(reasons.remove(0)),
            _ => Err(Error::NoWay { key_id: id.to_owned(), reasons }),
        }
    }

    fn with_older(key: Key, wrapped: &WrappedKey) -> Result<Self> {
        let older = wrapped.open_older(&key)?;
        Ok(Self::of(key, older))
    }

    /// The data key's id.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Encrypts a secret for its place, as text that names its format and key.
    ///
    /// # Errors
    /// Where the system gives no random numbers.
    pub fn seal(&self, place: &Place<'_>, plaintext: &[u8]) -> Result<String> {
        let sealed = self.key.seal(&context(&self.key_id, place), plaintext)?;
        Ok(format!("{PREFIX}{VERSION}:{}:{}", self.key_id, BASE64.encode(sealed)))
    }

    /// The secret in what [`Keyring::seal`] gave for the same place, with this key or one that was rotated out.
    ///
    /// # Errors
    /// [`Error::CorruptValue`] or [`Error::OtherKey`], with resource and property.
    pub fn open_value(&self, place: &Place<'_>, text: &str) -> Result<Zeroizing<Vec<u8>>> {
        let (urn, property) = (place.urn.to_owned(), place.property.to_owned());
        let corrupt = |problem| Error::CorruptValue { urn: urn.clone(), property: property.clone(), problem };
        let body = text.strip_prefix(PREFIX).ok_or_else(|| corrupt("it is not a sealed value"))?;
        let (version, body) = body.split_once(':').ok_or_else(|| corrupt("it is cut short"))?;
        if version != VERSION {
            return Err(corrupt("this Terrane doesn't know its format"));
        }
        let (key_id, encoded) = body.split_once(':').ok_or_else(|| corrupt("it is cut short"))?;
        let Some(key) = self.named(key_id) else {
            return Err(Error::OtherKey { urn, property, key_id: key_id.to_owned(), current: self.key_id.clone() });
        };
        let sealed = BASE64.decode(encoded).map_err(|_| corrupt("it is not base64"))?;
        let opened = key.open(&context(key_id, place), &sealed);
        opened.ok_or_else(|| corrupt("it was changed, or belongs to another place"))
    }

    fn named(&self, key_id: &str) -> Option<&Key> {
        if key_id == self.key_id { Some(&self.key) } else { self.older.iter().find(|key| key.id() == key_id) }
    }

    pub(super) fn of(key: Key, older: Vec<Key>) -> Self {
        Self { key_id: key.id(), key, older: Arc::new(older) }
    }
}

fn context<'a>(key_id: &'a str, place: &Place<'a>) -> [&'a [u8]; 5] {
    [VERSION, key_id, place.lineage, place.urn, place.property].map(str::as_bytes)
}
