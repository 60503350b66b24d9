//! How another call of this program finds the same configuration, stack and state: for processes that a provider leaves behind,
//! which know nothing of the flags and the working folder of the command that started them.

use std::{ffi::OsString, path::Path, sync::OnceLock};

/// A variable and its value.
pub type Variable = (&'static str, OsString);

static VARIABLES: OnceLock<[Variable; 3]> = OnceLock::new();

/// The environment variables that lead another call of this program to the configuration, stack and state of this one. There are
/// none where no command line was read, as in a tool that embeds the program.
pub fn environment() -> &'static [Variable] {
    VARIABLES.get().map_or(&[], |variables| variables.as_slice())
}

/// Remembers what this call has found. A process works on one stack: what was found first stays.
pub(crate) fn set(folder: &Path, stack: &str, state: &str) {
    let variables =
        [("TERRANE_FOLDER", folder.into()), ("TERRANE_STACK", stack.into()), ("TERRANE_STATE", state.into())];
    let _ = VARIABLES.set(variables);
}
