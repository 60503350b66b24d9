//! Why a secret or a key could not be had, in words that tell the causes apart.

use std::{io, path::PathBuf};

/// The result of anything done with keys and secrets.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a secret or a key could not be had. No variant holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No passphrase was given.
    #[error("this state's secrets are under a passphrase: set {variable} to it")]
    MissingPassphrase {
        /// The environment variable that was empty or not set.
        variable: &'static str,
    },
    /// What was given as a passphrase is not text.
    #[error("{variable} is not valid UTF-8: give a passphrase that is text, so that it can be typed everywhere")]
    PassphraseNotText {
        /// The environment variable.
        variable: &'static str,
    },
    /// A person was asked for the passphrase, and gave none.
    #[error("this state's secrets are under a passphrase, and none was given")]
    NotAnswered,
    /// The passphrase is not the one that the key was wrapped with.
    #[error("the passphrase is wrong: this state's secrets were encrypted under another one")]
    WrongPassphrase,
    /// A passphrase is to be changed, and the key has none.
    #[error("this state's secrets are not under a passphrase: `secrets add-recipient passphrase` adds one")]
    NoPassphrase,
    /// The wrapped key in the state was changed.
    #[error("the wrapped data key {key_id} is damaged ({problem}): restore the state from a backup or snapshot")]
    CorruptWrap {
        /// The data key's id.
        key_id: String,
        /// What doesn't fit.
        problem: &'static str,
    },
    /// None of the ways to the key works; each has its own reason.
    #[error("this state's data key {key_id} can't be had in any of its {} ways: {}", reasons.len(), listed(reasons))]
    NoWay {
        /// The data key's id.
        key_id: String,
        /// Why, way by way.
        reasons: Vec<Self>,
    },
    /// The state has secrets, and its key was never asked for.
    #[error("the data key {key_id} has not been unlocked: this is a mistake in the store, please report it")]
    StillLocked {
        /// The data key's id.
        key_id: String,
    },
    /// The first secret of a state that several people share, and nothing is there to keep its key.
    #[error(
        "this stack's state is shared and has no key for secrets yet: set TERRANE_PASSPHRASE, or say who may read them \
         with `secrets add-recipient`: `passphrase`, age1… or awskms:<key ARN>"
    )]
    NoKeyYet,
    /// Another process has made the stack's first key at the same moment.
    #[error("another process has just made this stack's key for secrets: run the command again")]
    MadeMeanwhile,
    /// A key file for a state that other machines read, too.
    #[error("a key file would leave this shared state's secrets to one machine: use a passphrase, age or AWS KMS")]
    NoKeyFileHere,
    /// The store has no keys to change.
    #[error("this place keeps no secrets of its own, so there is no key to use or change")]
    NotKept,
    /// There is no key file.
    #[error("the key file {path} is missing: put it back; without it this state's secrets can't be read")]
    MissingKeyFile {
        /// Where it should be.
        path: PathBuf,
    },
    /// Others can read the key file.
    #[error("the key file {path} has mode {mode:03o}, so others can reach it: run `chmod 600` on it")]
    LooseKeyFile {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file doesn't hold a key.
    #[error("the key file {path} is damaged ({problem}): restore it from a backup")]
    CorruptKeyFile {
        /// The key file.
        path: PathBuf,
        /// What doesn't fit.
        problem: &'static str,
    },
    /// The key file is whole, but of another state.
    #[error("the key file {path} holds key {found}, and this state needs key {key_id}: give that one's file")]
    OtherKeyFile {
        /// The key file.
        path: PathBuf,
        /// The key in it.
        found: String,
        /// The key that is needed.
        key_id: String,
    },
    /// No age identity was found.
    #[error(
        "this state's secrets are for the age recipient {recipient}, and there is no age identity: set \
         TERRANE_AGE_IDENTITY, or put it into {path}"
    )]
    MissingAgeIdentity {
        /// Who can read them.
        recipient: String,
        /// Where the identity would be looked for.
        path: PathBuf,
    },
    /// There are age identities, and none of them is the recipient's.
    #[error("the age identity in {place} is not that of {recipient}, whom this state's secrets are for")]
    OtherAgeIdentity {
        /// Where it was found.
        place: String,
        /// Who can read the secrets.
        recipient: String,
    },
    /// What was given as an age identity is none.
    #[error("{place} holds no age identity: a line that begins with AGE-SECRET-KEY-1 is needed")]
    NoAgeIdentity {
        /// The variable or file.
        place: String,
    },
    /// AWS KMS doesn't let this caller use the key.
    #[error("AWS KMS does not let you use {key}: ask for kms:{permission} on it ({answer})")]
    KmsDenied {
        /// The KMS key.
        key: String,
        /// What is missing.
        permission: &'static str,
        /// The service's words.
        answer: String,
    },
    /// AWS KMS could not be asked, or refuses for another reason.
    #[error("AWS KMS could not use {key}: {answer}")]
    Kms {
        /// The KMS key.
        key: String,
        /// The service's words.
        answer: String,
    },
    /// This build can't talk to AWS KMS.
    #[error(
        "{key} needs AWS KMS, which this program is built without: turn on the feature `kms` of the crate `terrane`"
    )]
    NoKmsFeature {
        /// The KMS key.
        key: String,
    },
    /// Not something that a key can be wrapped for.
    #[error("`{text}` is not a recipient ({problem}): give age1…, awskms:<key ARN>, `passphrase` or `keyfile`")]
    NotARecipient {
        /// What was given.
        text: String,
        /// What doesn't fit.
        problem: &'static str,
    },
    /// The key is wrapped for it already.
    #[error("this state's data key is kept by {name} already")]
    AlreadyKept {
        /// The recipient.
        name: String,
    },
    /// The key isn't wrapped for it.
    #[error("this state's data key is not kept by {name}; it is kept by {}", kept.join(", "))]
    NotKeptBy {
        /// The recipient.
        name: String,
        /// Those there are.
        kept: Vec<String>,
    },
    /// Without it nobody could read the secrets any more.
    #[error("{name} is the last way to this state's data key: add another one first")]
    LastWay {
        /// The recipient.
        name: String,
    },
    /// A secret value is encrypted, and what the state remembered of its key is gone.
    #[error(
        "the secret {property} of {urn} is encrypted, and what keeps the key is gone from the state: restore it from a backup"
    )]
    KeyGone {
        /// The resource.
        urn: String,
        /// The property's path.
        property: String,
    },
    /// A secret value was encrypted under a key that is not at hand.
    #[error("the secret {property} of {urn} is under key {key_id}, and this state's key is {current}")]
    OtherKey {
        /// The resource.
        urn: String,
        /// The property's path.
        property: String,
        /// The key that the value names.
        key_id: String,
        /// The key at hand.
        current: String,
    },
    /// A secret value was changed, or comes from another place.
    #[error(
        "the secret {property} of {urn} is damaged ({problem}): set it again, or restore the state from a backup or \
         snapshot"
    )]
    CorruptValue {
        /// The resource.
        urn: String,
        /// The property's path.
        property: String,
        /// What doesn't fit.
        problem: &'static str,
    },
    /// The operating system refused something.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file it was tried on.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The operating system gives no random numbers.
    #[error("the system's random numbers are out of reach: {0}")]
    NoRandomness(getrandom::Error),
}

impl Error {
    /// Whether a key or a value is gone or damaged, so that no passphrase, identity or permission brings it back.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        match self {
            Self::CorruptWrap { .. }
            | Self::CorruptValue { .. }
            | Self::KeyGone { .. }
            | Self::OtherKey { .. }
            | Self::MissingKeyFile { .. }
            | Self::CorruptKeyFile { .. }
            | Self::OtherKeyFile { .. } => true,
            Self::NoWay { reasons, .. } => reasons.iter().all(Self::is_loss),
            _ => false,
        }
    }
}

fn listed(reasons: &[Error]) -> String {
    reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
