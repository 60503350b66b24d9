//! A data key wrapped by a passphrase: Argon2id makes a wrapping key and a check value from it.

use std::{
    env::{self, VarError},
    fmt,
};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{
    error::{Error, Result},
    key::{self, KEY_BYTES, Key},
};

/// The environment variable that a passphrase is read from.
pub const PASSPHRASE_VARIABLE: &str = "TERRANE_PASSPHRASE";

const SALT_BYTES: usize = 16;
const CHECK_BYTES: usize = 16;
/// What a state may ask for at most, so that a forged one can't use up the machine.
const COST_MAX: Cost = Cost { memory_kib: 1 << 20, passes: 16, lanes: 16 };

/// A passphrase, wiped when dropped.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// A passphrase that was asked for or read elsewhere.
    ///
    /// # Errors
    /// [`Error::MissingPassphrase`] where it is empty.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = Zeroizing::new(text.into());
        if text.is_empty() { Err(Error::MissingPassphrase { variable: PASSPHRASE_VARIABLE }) } else { Ok(Self(text)) }
    }

    /// The passphrase in [`PASSPHRASE_VARIABLE`].
    ///
    /// # Errors
    /// [`Error::MissingPassphrase`] where the variable is not set or empty, [`Error::PassphraseNotText`] where it is not text.
    pub fn from_env() -> Result<Self> {
        Self::of_variable(PASSPHRASE_VARIABLE)
    }

    /// The passphrase in an environment variable.
    ///
    /// # Errors
    /// As [`Passphrase::from_env`].
    pub fn of_variable(variable: &'static str) -> Result<Self> {
        match env::var(variable) {
            Ok(text) if !text.is_empty() => Self::new(text),
            Err(VarError::NotUnicode(_)) => Err(Error::PassphraseNotText { variable }),
            Ok(_) | Err(VarError::NotPresent) => Err(Error::MissingPassphrase { variable }),
        }
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase([secret])")
    }
}

/// How much work one guess at a passphrase costs. The default is the second recommendation of RFC 9106 with one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cost {
    pub(crate) memory_kib: u32,
    pub(crate) passes: u32,
    pub(crate) lanes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self { memory_kib: 64 << 10, passes: 3, lanes: 1 }
    }
}

/// A data key under a passphrase, as the state keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassphraseWrap {
    cost: Cost,
    salt: String,
    /// Tells a wrong passphrase, which gives another value.
    check: String,
    sealed_key: String,
    /// Tells damage to any field from a wrong passphrase.
    checksum: String,
}

impl PassphraseWrap {
    pub(crate) fn new(key: &Key, passphrase: &Passphrase, cost: Cost) -> Result<Self> {
        let mut salt = [0; SALT_BYTES];
        key::fill(&mut salt)?;
        let id = key.id();
        let derived = Derived::of(passphrase, &salt, cost).ok_or_else(|| corrupt(&id, "its cost is impossible"))?;
        let sealed_key = derived.wrapping.seal(&[b"terrane wrapped key", id.as_bytes()], key.expose())?;
        let unsummed = Self {
            cost,
            salt: BASE64.encode(salt),
            check: BASE64.encode(derived.check),
            sealed_key: BASE64.encode(sealed_key),
            checksum: String::new(),
        };
        Ok(Self { checksum: unsummed.checksum(&id), ..unsummed })
    }

    /// The data key `id`. Damage is looked for before the passphrase is tried.
    pub(crate) fn unwrap_key(&self, id: &str, passphrase: &Passphrase) -> Result<Key> {
        if self.checksum != self.checksum(id) {
            return Err(corrupt(id, "it doesn't match its checksum"));
        }
        let decode = |text| BASE64.decode(text).map_err(|_| corrupt(id, "it is not base64"));
        let derived = Derived::of(passphrase, &decode(&self.salt)?, self.cost);
        let derived = derived.ok_or_else(|| corrupt(id, "its cost is impossible"))?;
        if derived.check.as_slice() != decode(&self.check)? {
            return Err(Error::WrongPassphrase);
        }
        let opened = derived.wrapping.open(&[b"terrane wrapped key", id.as_bytes()], &decode(&self.sealed_key)?);
        let key = opened.and_then(|bytes| Key::of(&bytes)).filter(|key| key.id() == id);
        key.ok_or_else(|| corrupt(id, "the key in it is not the one it names"))
    }

    fn checksum(&self, id: &str) -> String {
        let Self { cost, salt, check, sealed_key, checksum: _ } = self;
        let cost = format!("{} {} {}", cost.memory_kib, cost.passes, cost.lanes);
        key::checksum(&[id, &cost, salt, check, sealed_key])
    }
}

/// What a passphrase gives: a key, and a value that says whether it was the right one.
struct Derived {
    wrapping: Key,
    check: [u8; CHECK_BYTES],
}

impl Derived {
    /// None where Argon2 doesn't take the parameters.
    fn of(passphrase: &Passphrase, salt: &[u8], cost: Cost) -> Option<Self> {
        let Cost { memory_kib, passes, lanes } = cost;
        if memory_kib > COST_MAX.memory_kib || passes > COST_MAX.passes || lanes > COST_MAX.lanes {
            return None;
        }
        let parameters = Params::new(memory_kib, passes, lanes, Some(KEY_BYTES + CHECK_BYTES)).ok()?;
        let mut output = Zeroizing::new([0; KEY_BYTES + CHECK_BYTES]);
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
        argon2.hash_password_into(passphrase.0.as_bytes(), salt, &mut *output).ok()?;
        let (wrapping, check) = output.split_at(KEY_BYTES);
        Some(Self { wrapping: Key::of(wrapping)?, check: check.try_into().ok()? })
    }
}

fn corrupt(id: &str, problem: &'static str) -> Error {
    Error::CorruptWrap { key_id: id.to_owned(), problem }
}
