//! What a state remembers of its data keys: the key's id, each way to get it back, and older keys while something may still need them.

use super::{age::AgeWrap, guard::Guard, key::Key, kms::KmsWrap, passphrase::PassphraseWrap};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};

use super::error::{Error, Result};

/// As many older keys are remembered: more than there are snapshots that could hold values under them.
const OLDER_MAX: usize = 32;

/// What a state remembers of its data key: enough to get it back with what one of its [`Wrap`]s asks for, and nothing without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct WrappedKey {
    /// The data key's id, a hash of it: what each sealed value names, and what tells the right key from any other.
    pub(super) key_id: String,
    /// The ways to the key; each is enough.
    pub(super) wraps: Vec<Wrap>,
    /// The keys that were rotated out, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) older: Vec<OlderKey>,
}

/// One way to a data key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kept_by", rename_all = "kebab-case")]
pub enum Wrap {
    /// The key, encrypted under a passphrase.
    Passphrase {
        /// The encrypted key.
        wrap: PassphraseWrap,
    },
    /// The key is in a file elsewhere.
    KeyFile,
    /// The key, encrypted for an age recipient.
    Age {
        /// Recipient and encrypted key.
        #[serde(flatten)]
        wrap: AgeWrap,
    },
    /// The key, encrypted by AWS KMS.
    AwsKms {
        /// KMS key and encrypted key.
        #[serde(flatten)]
        wrap: KmsWrap,
    },
}

/// A data key that was rotated out, encrypted under the present one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OlderKey {
    key_id: String,
    sealed_key: String,
}

/// The forms that have been written: the present one, and the first, which knew one wrap only.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    key_id: String,
    #[serde(default)]
    wraps: Vec<Wrap>,
    #[serde(default)]
    older: Vec<OlderKey>,
    kept_by: Option<String>,
    wrap: Option<PassphraseWrap>,
}

impl TryFrom<Stored> for WrappedKey {
    type Error = &'static str;

    fn try_from(stored: Stored) -> std::result::Result<Self, Self::Error> {
        let Stored { key_id, mut wraps, older, kept_by, wrap } = stored;
        match (kept_by.as_deref(), wrap) {
            (None, None) => {}
            (Some("passphrase"), Some(wrap)) => wraps.push(Wrap::Passphrase { wrap }),
            (Some("key-file"), None) => wraps.push(Wrap::KeyFile),
            _ => return Err("it is kept in a way that this Terrane doesn't know"),
        }
        if wraps.is_empty() {
            return Err("it has no way to the key");
        }
        Ok(Self { key_id, wraps, older })
    }
}

impl WrappedKey {
    /// The id of the data key, which each sealed value names too.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The ways to the key.
    #[must_use]
    pub fn wraps(&self) -> &[Wrap] {
        &self.wraps
    }

    /// How many keys that were rotated out are still remembered.
    #[must_use]
    pub fn older_keys(&self) -> usize {
        self.older.len()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.wraps.iter().map(Wrap::name).collect()
    }

    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.wraps.iter().position(|wrap| wrap.name() == name)
    }

    /// The keys that were rotated out.
    pub(super) fn open_older(&self, key: &Key) -> Result<Vec<Key>> {
        self.older.iter().map(|older| older.open(&self.key_id, key)).collect()
    }
}

impl Wrap {
    /// What a person calls it, and what [`Guard`](super::Guard) reads: `passphrase`, `keyfile`, `age1…`, `awskms:…`.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Passphrase { .. } => Guard::PASSPHRASE.to_owned(),
            Self::KeyFile => Guard::KEY_FILE.to_owned(),
            Self::Age { wrap } => wrap.recipient().to_owned(),
            Self::AwsKms { wrap } => wrap.name(),
        }
    }
}

impl OlderKey {
    /// The keys to remember after `present` took the place of `former`, which still knew `older`.
    pub(super) fn all(present: &Key, former: &Key, older: &[Key]) -> Result<Vec<Self>> {
        let keys = std::iter::once(former).chain(older).take(OLDER_MAX);
        keys.map(|key| Self::new(present, key)).collect()
    }

    fn new(present: &Key, key: &Key) -> Result<Self> {
        let key_id = key.id();
        let sealed = present.seal(&Self::context(&present.id(), &key_id), key.expose())?;
        Ok(Self { key_id, sealed_key: BASE64.encode(sealed) })
    }

    fn open(&self, present_id: &str, present: &Key) -> Result<Key> {
        let corrupt = || Error::CorruptWrap { key_id: self.key_id.clone(), problem: "an older key doesn't open" };
        let sealed = BASE64.decode(&self.sealed_key).map_err(|_| corrupt())?;
        let opened = present.open(&Self::context(present_id, &self.key_id), &sealed);
        let key = opened.and_then(|bytes| Key::of(&bytes)).filter(|key| key.id() == self.key_id);
        key.ok_or_else(corrupt)
    }

    fn context<'a>(present_id: &'a str, key_id: &'a str) -> [&'a [u8]; 3] {
        [b"terrane older key", present_id.as_bytes(), key_id.as_bytes()]
    }
}
