//! Secrets at rest: each secret value is encrypted for the one place it stands in, under a data key that only a passphrase, a key file,
//! an age identity or AWS KMS gives.
//!
//! **Guarantees.** A value that was moved to another property, resource or state doesn't open. A wrong passphrase, a damaged value, a
//! missing identity and a missing permission are told apart. Keys are wiped from memory when they are dropped.
//!
//! **Caveats.** The length of a secret shows. Whoever reads this process's environment reads the passphrase in it.

mod age;
mod asking;
mod change;
mod error;
mod guard;
mod key;
mod key_file;
mod keyring;
mod kms;
mod means;
mod passphrase;
#[cfg(test)]
mod tests;
mod wrapped;

pub(crate) use self::key_file::{copy as copy_key_file, has as has_key};
pub use self::{
    age::{AGE_IDENTITY_FILE_VARIABLE, AGE_IDENTITY_VARIABLE, AgeWrap},
    asking::{Ask, Attempt, ask_with},
    change::{KeyChange, Recipient},
    error::{Error, Result},
    guard::Guard,
    keyring::{Keyring, Place, is_sealed},
    kms::{KmsKey, KmsWrap},
    means::Means,
    passphrase::{PASSPHRASE_VARIABLE, Passphrase, PassphraseWrap},
    wrapped::{OlderKey, Wrap, WrappedKey},
};
