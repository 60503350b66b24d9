//! A data key for an age recipient (X25519), and the identities that open it.

use super::{
    error::{Error, Result},
    key::{self, Key},
};
use age::x25519::{Identity, Recipient};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};
use std::{env, fs, io::ErrorKind, path::PathBuf};
use zeroize::Zeroizing;

/// The environment variable that holds an age identity itself.
pub const AGE_IDENTITY_VARIABLE: &str = "TERRANE_AGE_IDENTITY";
/// The environment variable that names a file of age identities.
pub const AGE_IDENTITY_FILE_VARIABLE: &str = "TERRANE_AGE_IDENTITY_FILE";

const IDENTITY_PREFIX: &str = "AGE-SECRET-KEY-1";
const FILE_BYTES_MAX: u64 = 1 << 16;

/// A data key for an age recipient, as the state keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgeWrap {
    recipient: String,
    sealed_key: String,
    /// Tells damage from another identity.
    checksum: String,
}

/// Refuses what is no recipient.
pub(super) fn check(text: &str) -> Result<()> {
    recipient(text).map(drop)
}

fn recipient(text: &str) -> Result<Recipient> {
    text.parse().map_err(|_| Error::NotARecipient { text: text.to_owned(), problem: "its check sum doesn't fit" })
}

impl AgeWrap {
    pub(super) fn new(key: &Key, text: &str) -> Result<Self> {
        let sealed = age::encrypt(&recipient(text)?, key.expose());
        let sealed = sealed.map_err(|_| corrupt(&key.id(), "age can't encrypt it"))?;
        let sealed_key = BASE64.encode(sealed);
        let checksum = key::checksum(&[&key.id(), text, &sealed_key]);
        Ok(Self { recipient: text.to_owned(), sealed_key, checksum })
    }

    pub(super) fn recipient(&self) -> &str {
        &self.recipient
    }

    /// The data key `id`, with one of the identities.
    pub(super) fn unwrap_key(&self, id: &str, identities: &Identities) -> Result<Key> {
        if self.checksum != key::checksum(&[id, &self.recipient, &self.sealed_key]) {
            return Err(corrupt(id, "it doesn't match its checksum"));
        }
        let sealed = BASE64.decode(&self.sealed_key).map_err(|_| corrupt(id, "it is not base64"))?;
        let identities = identities.read(&self.recipient)?;
        let decryptor =
            age::Decryptor::new_buffered(sealed.as_slice()).map_err(|_| corrupt(id, "its age header is not one"))?;
        let mut key = Zeroizing::new(Vec::new());
        let each = identities.list.iter().map(|identity| identity as &dyn age::Identity);
        match decryptor.decrypt(each) {
            Ok(mut reader) => {
                std::io::Read::read_to_end(&mut reader, &mut key).map_err(|_| corrupt(id, "it was changed"))?
            }
            Err(age::DecryptError::NoMatchingKeys) => {
                return Err(Error::OtherAgeIdentity { place: identities.place, recipient: self.recipient.clone() });
            }
            Err(_) => return Err(corrupt(id, "age can't decrypt it")),
        };
        Key::of(&key).filter(|key| key.id() == id).ok_or_else(|| corrupt(id, "the key in it is not the one it names"))
    }
}

fn corrupt(id: &str, problem: &'static str) -> Error {
    Error::CorruptWrap { key_id: id.to_owned(), problem }
}

/// Where age identities may be; they are read when a key asks for them.
#[derive(Debug, Clone, Default)]
pub(crate) enum Identities {
    /// In [`AGE_IDENTITY_VARIABLE`].
    Given(Zeroizing<String>),
    /// In a file that was named.
    Named(PathBuf),
    /// In the first of these files that there is.
    Usual(Vec<PathBuf>),
    /// Nowhere.
    #[default]
    None,
}

struct Read {
    place: String,
    list: Vec<Identity>,
}

impl Identities {
    /// As the environment says.
    pub(crate) fn of_environment() -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        if let Some(text) = set(AGE_IDENTITY_VARIABLE) {
            return Self::Given(Zeroizing::new(text.to_string_lossy().into_owned()));
        }
        if let Some(path) = set(AGE_IDENTITY_FILE_VARIABLE) {
            return Self::Named(path.into());
        }
        let home = set("HOME").map(PathBuf::from);
        let config = set("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| Some(home.as_ref()?.join(".config")));
        // Where sops looks on macOS, too.
        let library = home.map(|home| home.join("Library/Application Support"));
        let own = config.iter().map(|folder| folder.join("terrane/age.txt"));
        let of_sops = config.iter().chain(&library).map(|folder| folder.join("sops/age/keys.txt"));
        Self::Usual(own.chain(of_sops).collect())
    }

    fn read(&self, recipient: &str) -> Result<Read> {
        let missing = |path: Option<&PathBuf>| Error::MissingAgeIdentity {
            recipient: recipient.to_owned(),
            path: path.cloned().unwrap_or_else(|| "~/.config/terrane/age.txt".into()),
        };
        match self {
            Self::Given(text) => parse(AGE_IDENTITY_VARIABLE.to_owned(), text),
            Self::Named(path) => read_file(path)?.ok_or_else(|| missing(Some(path))),
            Self::Usual(paths) => {
                for path in paths {
                    if let Some(read) = read_file(path)? {
                        return Ok(read);
                    }
                }
                Err(missing(paths.first()))
            }
            Self::None => Err(missing(None)),
        }
    }
}

fn read_file(path: &PathBuf) -> Result<Option<Read>> {
    let failed = |source| Error::Io { action: "read", path: path.clone(), source };
    let place = path.display().to_string();
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() || metadata.len() > FILE_BYTES_MAX => Err(Error::NoAgeIdentity { place }),
        Ok(_) => {
            let bytes = Zeroizing::new(fs::read(path).map_err(failed)?);
            parse(place, &Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())).map(Some)
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// The identities in a text, one a line; other lines are comments or of sorts that are not read here.
fn parse(place: String, text: &str) -> Result<Read> {
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with(IDENTITY_PREFIX));
    let list: Vec<Identity> = lines.filter_map(|line| line.parse().ok()).collect();
    if list.is_empty() { Err(Error::NoAgeIdentity { place }) } else { Ok(Read { place, list }) }
}
