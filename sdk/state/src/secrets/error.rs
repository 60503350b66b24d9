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
    /// The passphrase is not the one that the key was wrapped with.
    #[error("the passphrase is wrong: this state's secrets were encrypted under another one")]
    WrongPassphrase,
    /// The wrapped key in the state was changed.
    #[error("the wrapped data key {key_id} is damaged ({problem}): restore the state from a backup or snapshot")]
    CorruptWrap {
        /// The data key's id.
        key_id: String,
        /// What doesn't fit.
        problem: &'static str,
    },
    /// The state's key is wrapped in another way than the one offered.
    #[error("this state's data key {key_id} is kept by {kept}, not by {offered}: offer that, or wrap the key anew")]
    OtherGuard {
        /// The data key's id.
        key_id: String,
        /// How the key is kept.
        kept: &'static str,
        /// What was offered.
        offered: &'static str,
    },
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
