//! The data key of a state, what keeps it, and the sealing and opening of secret values with it.

use std::path::PathBuf;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    error::{Error, Result},
    key::Key,
    key_file,
    passphrase::{Cost, Passphrase, PassphraseWrap},
};

const PREFIX: &str = "terrane-sealed:";
const VERSION: &str = "1";

/// Whether a string of the state is a sealed secret.
#[must_use]
pub fn is_sealed(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// What gives the data key.
#[derive(Debug, Clone)]
pub enum Guard {
    /// A passphrase that the key is encrypted under.
    Passphrase(Passphrase),
    /// A file that holds the key.
    KeyFile(PathBuf),
}

impl Guard {
    fn noun(&self) -> &'static str {
        match self {
            Self::Passphrase(_) => "a passphrase",
            Self::KeyFile(_) => "a key file",
        }
    }
}

/// What a state remembers of its data key: enough to get it back with the [`Guard`], and nothing without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kept_by", rename_all = "kebab-case")]
pub enum WrappedKey {
    /// The key itself, encrypted.
    Passphrase {
        /// The data key's id.
        key_id: String,
        /// The encrypted key.
        wrap: PassphraseWrap,
    },
    /// The id alone; the key is in a file elsewhere.
    KeyFile {
        /// The data key's id.
        key_id: String,
    },
}

impl WrappedKey {
    /// The id of the data key, which each sealed value names too.
    #[must_use]
    pub fn key_id(&self) -> &str {
        match self {
            Self::Passphrase { key_id, .. } | Self::KeyFile { key_id } => key_id,
        }
    }

    fn noun(&self) -> &'static str {
        match self {
            Self::Passphrase { .. } => "a passphrase",
            Self::KeyFile { .. } => "a key file",
        }
    }
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

/// A state's data key, unwrapped.
#[derive(Debug, Clone)]
pub struct Keyring {
    key: Key,
    key_id: String,
}

impl Keyring {
    /// A new data key, and what the state must remember of it. A key file that exists already is used as it is.
    ///
    /// # Errors
    /// Where the key file can't be used, or the system gives no random numbers.
    pub fn create(guard: &Guard) -> Result<(Self, WrappedKey)> {
        let keyring = Self::of(match guard {
            Guard::Passphrase(_) => Key::random()?,
            Guard::KeyFile(path) => key_file::read_or_create(path)?,
        });
        let wrapped = keyring.wrap(guard)?;
        Ok((keyring, wrapped))
    }

    /// The data key that a state remembers.
    ///
    /// # Errors
    /// [`Error::WrongPassphrase`], [`Error::CorruptWrap`], [`Error::MissingKeyFile`], [`Error::LooseKeyFile`],
    /// [`Error::CorruptKeyFile`], [`Error::OtherKeyFile`], or [`Error::OtherGuard`].
    pub fn open(wrapped: &WrappedKey, guard: &Guard) -> Result<Self> {
        match (wrapped, guard) {
            (WrappedKey::Passphrase { key_id, wrap }, Guard::Passphrase(passphrase)) => {
                wrap.unwrap_key(key_id, passphrase).map(Self::of)
            }
            (WrappedKey::KeyFile { key_id }, Guard::KeyFile(path)) => {
                let keyring = Self::of(key_file::read(path)?);
                if keyring.key_id == *key_id {
                    return Ok(keyring);
                }
                Err(Error::OtherKeyFile { path: path.clone(), found: keyring.key_id, key_id: key_id.clone() })
            }
            _ => Err(Error::OtherGuard {
                key_id: wrapped.key_id().to_owned(),
                kept: wrapped.noun(),
                offered: guard.noun(),
            }),
        }
    }

    /// Wraps this same key for another passphrase, so that no value need be encrypted anew. A key file must hold this
    /// key already.
    ///
    /// # Errors
    /// As [`Keyring::open`].
    pub fn wrap(&self, guard: &Guard) -> Result<WrappedKey> {
        self.wrap_at(guard, Cost::default())
    }

    pub(crate) fn wrap_at(&self, guard: &Guard, cost: Cost) -> Result<WrappedKey> {
        let key_id = self.key_id.clone();
        match guard {
            Guard::Passphrase(passphrase) => {
                let wrap = PassphraseWrap::new(&self.key, passphrase, cost)?;
                Ok(WrappedKey::Passphrase { key_id, wrap })
            }
            Guard::KeyFile(_) => {
                let wrapped = WrappedKey::KeyFile { key_id };
                Self::open(&wrapped, guard)?;
                Ok(wrapped)
            }
        }
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
        let sealed = self.key.seal(&self.context(place), plaintext)?;
        Ok(format!("{PREFIX}{VERSION}:{}:{}", self.key_id, BASE64.encode(sealed)))
    }

    /// The secret in what [`Keyring::seal`] gave for the same place.
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
        if key_id != self.key_id {
            return Err(Error::OtherKey { urn, property, key_id: key_id.to_owned(), current: self.key_id.clone() });
        }
        let sealed = BASE64.decode(encoded).map_err(|_| corrupt("it is not base64"))?;
        let opened = self.key.open(&self.context(place), &sealed);
        opened.ok_or_else(|| corrupt("it was changed, or belongs to another place"))
    }

    fn of(key: Key) -> Self {
        Self { key_id: key.id(), key }
    }

    fn context<'a>(&'a self, place: &Place<'a>) -> [&'a [u8]; 5] {
        [VERSION, &self.key_id, place.lineage, place.urn, place.property].map(str::as_bytes)
    }
}
