//! What this process has to get a data key back with.

use super::{
    age::Identities,
    error::{Error, Result},
    guard::Guard,
    key::Key,
    key_file,
    passphrase::{PASSPHRASE_VARIABLE, Passphrase},
    wrapped::Wrap,
};
use std::{env, path::PathBuf};

/// Passphrase, key file and age identities, as far as there are any. AWS KMS is asked with the credentials that AWS tools find.
#[derive(Debug, Clone, Default)]
pub struct Means {
    pub(super) passphrase: Option<Passphrase>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) identities: Identities,
}

impl Means {
    /// What the environment gives, and the file that would hold the key.
    ///
    /// # Errors
    /// [`Error::MissingPassphrase`] where the variable for it is set to nothing.
    pub fn of_environment(key_file: Option<PathBuf>) -> Result<Self> {
        let passphrase = env::var_os(PASSPHRASE_VARIABLE).map(|_| Passphrase::from_env()).transpose()?;
        Ok(Self { passphrase, key_file, identities: Identities::of_environment() })
    }

    /// What a first key is wrapped for.
    pub(crate) fn guard(&self) -> Result<Guard> {
        match (&self.passphrase, &self.key_file) {
            (Some(passphrase), _) => Ok(Guard::Passphrase(passphrase.clone())),
            (None, Some(path)) => Ok(Guard::KeyFile(path.clone())),
            (None, None) => Err(Error::NoKeyYet),
        }
    }

    /// The data key `id`, by one of the ways that need no other machine.
    pub(super) fn unwrap_key(&self, id: &str, wrap: &Wrap) -> Result<Key> {
        match wrap {
            Wrap::Passphrase { wrap } => wrap.unwrap_key(id, self.passphrase()?),
            Wrap::KeyFile => key_file::read(self.key_file()?, id),
            Wrap::Age { wrap } => wrap.unwrap_key(id, &self.identities),
            Wrap::AwsKms { wrap } => Err(Error::Kms { key: wrap.name(), answer: "it has to be asked".to_owned() }),
        }
    }

    pub(super) fn passphrase(&self) -> Result<&Passphrase> {
        self.passphrase.as_ref().ok_or(Error::MissingPassphrase { variable: PASSPHRASE_VARIABLE })
    }

    pub(super) fn key_file(&self) -> Result<&PathBuf> {
        self.key_file.as_ref().ok_or(Error::NoKeyFileHere)
    }
}
