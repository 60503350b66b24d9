//! Secrets at rest: each secret value is encrypted for the one place it stands in, under a data key that only a
//! passphrase or a key file gives.
//!
//! **Guarantees.** A value that was moved to another property, resource or state doesn't open. A wrong passphrase, a
//! damaged value and a missing key file are told apart. Keys are wiped from memory when they are dropped.
//!
//! **Caveats.** The length of a secret shows. Whoever reads this process's environment reads the passphrase in it.

mod error;
mod key;
mod key_file;
mod keyring;
mod passphrase;
#[cfg(test)]
mod tests;

pub use self::{
    error::{Error, Result},
    keyring::{Guard, Keyring, Place, WrappedKey, is_sealed},
    passphrase::{PASSPHRASE_VARIABLE, Passphrase, PassphraseWrap},
};
