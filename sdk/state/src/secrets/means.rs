//! What this process has to get a data key back with.

use super::{
    age::Identities,
    asking::{self, Ask, Attempt},
    error::{Error, Result},
    guard::Guard,
    key::Key,
    key_file,
    passphrase::{PASSPHRASE_VARIABLE, Passphrase, PassphraseWrap},
    wrapped::Wrap,
};
use std::{env, fmt, path::PathBuf, sync::Arc};

/// Passphrase, key file and age identities, as far as there are any, and who may be asked for a passphrase. AWS KMS is asked with the
/// credentials that AWS tools find.
#[derive(Clone, Default)]
pub struct Means {
    pub(super) passphrase: Option<Passphrase>,
    /// Whether the environment gives a passphrase that can't be one, which is an error where one is used, and nowhere else.
    pub(super) has_unusable: bool,
    pub(super) key_file: Option<PathBuf>,
    pub(super) identities: Identities,
    pub(super) ask: Option<Arc<Ask>>,
}

impl fmt::Debug for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passphrase, key_file, identities, .. } = self;
        let mut shown = f.debug_struct("Means");
        shown.field("passphrase", passphrase).field("key_file", key_file).field("identities", identities);
        shown.finish_non_exhaustive()
    }
}

impl Means {
    /// What the environment gives, and the file that would hold the key.
    #[must_use]
    pub fn of_environment(key_file: Option<PathBuf>) -> Self {
        let passphrase = Passphrase::from_env().ok();
        let has_unusable = passphrase.is_none() && env::var_os(PASSPHRASE_VARIABLE).is_some();
        Self { passphrase, has_unusable, key_file, identities: Identities::of_environment(), ask: asking::asking() }
    }

    /// The passphrase that was given, if one was.
    fn given(&self) -> Result<Option<&Passphrase>> {
        if self.has_unusable { Passphrase::from_env().map(|_| None) } else { Ok(self.passphrase.as_ref()) }
    }

    /// What a first key is wrapped for.
    pub(crate) fn guard(&self) -> Result<Guard> {
        match (self.given()?, &self.key_file) {
            (Some(passphrase), _) => Ok(Guard::Passphrase(passphrase.clone())),
            (None, Some(path)) => Ok(Guard::KeyFile(path.clone())),
            (None, None) => Err(Error::NoKeyYet),
        }
    }

    /// How much a way to a key asks for: nothing, another machine, or a person.
    pub(super) fn trouble(&self, wrap: &Wrap) -> u8 {
        match wrap {
            Wrap::Passphrase { .. } if self.passphrase.is_none() => 2,
            Wrap::AwsKms { .. } => 1,
            Wrap::Passphrase { .. } | Wrap::KeyFile | Wrap::Age { .. } => 0,
        }
    }

    /// The data key `id`, by one of its ways.
    pub(super) async fn unwrap_key(&self, id: &str, wrap: &Wrap) -> Result<Key> {
        match wrap {
            Wrap::Passphrase { wrap } => Ok(self.passphrase_of(id, wrap).await?.1),
            Wrap::KeyFile => key_file::read(self.key_file()?, id),
            Wrap::Age { wrap } => wrap.unwrap_key(id, &self.identities),
            Wrap::AwsKms { wrap } => wrap.unwrap_key(id).await,
        }
    }

    /// The passphrase of the data key `id`, and the key: the passphrase that was given, or else what a person answers.
    pub(super) async fn passphrase_of(&self, id: &str, wrap: &PassphraseWrap) -> Result<(Passphrase, Key)> {
        if let Some(passphrase) = self.given()? {
            return Ok((passphrase.clone(), wrap.unwrap_key(id, passphrase)?));
        }
        let Some(ask) = &self.ask else { return Err(Error::MissingPassphrase { variable: PASSPHRASE_VARIABLE }) };
        if let Some(passphrase) = asking::answered()
            && let Ok(key) = wrap.unwrap_key(id, &passphrase)
        {
            return Ok((passphrase, key));
        }
        for attempt in Attempt::ALL {
            let passphrase = ask(attempt).await.ok_or(Error::NotAnswered)?;
            match wrap.unwrap_key(id, &passphrase) {
                Err(Error::WrongPassphrase) => {}
                key => {
                    asking::remember(&passphrase);
                    return Ok((passphrase, key?));
                }
            }
        }
        Err(Error::WrongPassphrase)
    }

    pub(super) fn key_file(&self) -> Result<&PathBuf> {
        self.key_file.as_ref().ok_or(Error::NoKeyFileHere)
    }
}
