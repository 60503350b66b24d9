//! How another call of this program finds the same configuration, stack and state: for processes that a provider leaves behind,
//! which know nothing of the flags and the working folder of the command that started them.

use std::{env, ffi::OsString, path::Path, process::Command, sync::OnceLock};
use terrane_state::secrets::{AGE_IDENTITY_FILE_VARIABLE, AGE_IDENTITY_VARIABLE, PASSPHRASE_VARIABLE};

/// A variable and its value.
pub type Variable = (&'static str, OsString);

static VARIABLES: OnceLock<[Variable; 3]> = OnceLock::new();

/// The environment variables that lead another call of this program to the configuration, stack and state of this one. There are
/// none where no command line was read, as in a tool that embeds the program.
pub fn environment() -> &'static [Variable] {
    VARIABLES.get().map_or(&[], |variables| variables.as_slice())
}

/// Holds the passphrase that is to be added or to take the place of the present one.
pub(crate) const NEW_PASSPHRASE: &str = "TERRANE_NEW_PASSPHRASE";
/// What opens a stack's secrets.
const SECRETS: [&str; 4] = [PASSPHRASE_VARIABLE, NEW_PASSPHRASE, AGE_IDENTITY_VARIABLE, AGE_IDENTITY_FILE_VARIABLE];

/// Keeps what opens a stack's secrets out of the environment of a program that is about to be started; whether there was anything to keep.
pub fn without_secrets(command: &mut Command) -> bool {
    SECRETS.iter().fold(false, |had, name| {
        command.env_remove(name);
        had || env::var_os(name).is_some()
    })
}

/// Remembers what this call has found. A process works on one stack: what was found first stays.
pub(crate) fn set(folder: &Path, stack: &str, state: &str) {
    let variables =
        [("TERRANE_FOLDER", folder.into()), ("TERRANE_STACK", stack.into()), ("TERRANE_STATE", state.into())];
    let _ = VARIABLES.set(variables);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_started_gets_nothing_that_opens_secrets() {
        let mut command = Command::new("true");
        without_secrets(&mut command);
        let removed: Vec<&str> =
            command.get_envs().filter(|(_, value)| value.is_none()).filter_map(|(name, _)| name.to_str()).collect();
        assert_eq!(
            removed,
            ["TERRANE_AGE_IDENTITY", "TERRANE_AGE_IDENTITY_FILE", "TERRANE_NEW_PASSPHRASE", "TERRANE_PASSPHRASE"]
        );
    }
}
