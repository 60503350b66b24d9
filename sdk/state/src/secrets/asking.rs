//! Asking a person for a passphrase, where the environment gives none. Who embeds the store says how; it never asks by itself.

use super::passphrase::Passphrase;
use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// What a person is asked for the passphrase with, the first time or after a wrong answer. No answer ends the asking.
pub type Ask = dyn Fn(Attempt) -> Pin<Box<dyn Future<Output = Option<Passphrase>> + Send>> + Send + Sync;

/// Which time it is that a passphrase is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The first.
    First,
    /// The answer before was wrong.
    Again,
}

impl Attempt {
    /// After so many wrong answers nothing more is asked.
    pub(super) const ALL: [Self; 3] = [Self::First, Self::Again, Self::Again];
}

static ASK: OnceLock<Arc<Ask>> = OnceLock::new();
/// What was answered last, and right: a person is asked once for what several stacks are under.
static ANSWERED: Mutex<Option<Passphrase>> = Mutex::new(None);

/// From here on this process asks for a passphrase that the environment doesn't give; the first call counts.
pub fn ask_with(
    ask: impl Fn(Attempt) -> Pin<Box<dyn Future<Output = Option<Passphrase>> + Send>> + Send + Sync + 'static,
) {
    let _ = ASK.set(Arc::new(ask));
}

pub(super) fn asking() -> Option<Arc<Ask>> {
    ASK.get().cloned()
}

pub(super) fn answered() -> Option<Passphrase> {
    ANSWERED.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

pub(super) fn remember(passphrase: &Passphrase) {
    *ANSWERED.lock().unwrap_or_else(PoisonError::into_inner) = Some(passphrase.clone());
}
