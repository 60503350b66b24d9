//! Panics of a user's program, in a line that a person can act on. The engine goes on from them with an error of its own.

use std::{env, panic};
use terrane_core::secret::redact;

/// From here on a panic is told in one line, unless a backtrace was asked for.
pub(crate) fn tell_briefly() {
    if env::var_os("RUST_BACKTRACE").is_some_and(|asked| asked != "0") {
        return;
    }
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
        let text = panic.payload_as_str().unwrap_or("no words were left");
        // The text may quote a secret.
        anstream::eprintln!("panic{place}: {}", redact(text));
    }));
}
