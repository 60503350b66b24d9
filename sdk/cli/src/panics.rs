//! Panics of a user's program, in a line that a person can act on. The engine goes on from them with an error of its own.

use std::panic;
use terrane_engine::panic_text;

/// From here on a panic is told without the secrets that it may quote, and in one line unless a backtrace was asked for.
pub(crate) fn tell_briefly() {
    panic::set_hook(Box::new(|panic| anstream::eprintln!("{}", panic_text(panic))));
}
