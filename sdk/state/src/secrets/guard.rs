//! What a data key can be wrapped for, as a person names it.

use super::{
    age,
    error::{Error, Result},
    key::Key,
    key_file,
    kms::{self, KmsKey},
    passphrase::{Cost, Passphrase, PassphraseWrap},
    wrapped::Wrap,
};
use std::path::PathBuf;
use terrane_core::failpoint::{Point, reach};

/// What gives the data key.
#[derive(Debug, Clone)]
pub enum Guard {
    /// A passphrase that the key is encrypted under.
    Passphrase(Passphrase),
    /// A file that holds the key.
    KeyFile(PathBuf),
    /// An age recipient: `age1…`.
    Age(String),
    /// A key of AWS KMS.
    AwsKms(KmsKey),
}

impl Guard {
    /// How a passphrase is named.
    pub const PASSPHRASE: &'static str = "passphrase";
    /// How the key file is named.
    pub const KEY_FILE: &'static str = "keyfile";

    /// Reads a recipient: `age1…` or `awskms:…`.
    ///
    /// # Errors
    /// [`Error::NotARecipient`].
    pub fn recipient(text: &str) -> Result<Self> {
        if text.starts_with("age1") {
            age::check(text)?;
            return Ok(Self::Age(text.to_owned()));
        }
        if text.starts_with(kms::PREFIX) {
            return Ok(Self::AwsKms(KmsKey::parse(text)?));
        }
        Err(Error::NotARecipient { text: text.to_owned(), problem: "it begins with neither age1 nor awskms:" })
    }

    /// What a person calls it; the same as [`Wrap::name`].
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Passphrase(_) => Self::PASSPHRASE.to_owned(),
            Self::KeyFile(_) => Self::KEY_FILE.to_owned(),
            Self::Age(recipient) => recipient.clone(),
            Self::AwsKms(key) => key.name(),
        }
    }

    /// Wraps a key. A key file is made, or gets the key beside those it has.
    pub(crate) async fn wrap(&self, key: &Key) -> Result<Wrap> {
        match self {
            Self::AwsKms(kms) => Ok(Wrap::AwsKms { wrap: kms::wrap(kms, key).await? }),
            guard => guard.wrap_here(key),
        }
    }

    /// Wraps a key without asking another machine.
    pub(crate) fn wrap_here(&self, key: &Key) -> Result<Wrap> {
        Ok(match self {
            Self::Passphrase(passphrase) => {
                Wrap::Passphrase { wrap: PassphraseWrap::new(key, passphrase, Cost::default())? }
            }
            Self::KeyFile(path) => {
                key_file::add(path, key)?;
                reach(Point::KeyWritten);
                Wrap::KeyFile
            }
            Self::Age(recipient) => Wrap::Age { wrap: age::AgeWrap::new(key, recipient)? },
            Self::AwsKms(key) => return Err(Error::Kms { key: key.name(), answer: "it has to be asked".to_owned() }),
        })
    }
}
