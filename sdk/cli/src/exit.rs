//! What the program's exit status says.

use std::process::ExitCode;

/// The exit status of every command. Scripts may rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All that was asked for is done.
    Done = 0,
    /// Something failed: the program, a provider, a step, the state.
    Failed = 1,
    /// The command line or the configuration is wrong; nothing was tried.
    Usage = 2,
    /// `--expect-no-changes`, and there are changes.
    Changes = 3,
    /// Somebody else works on the stack, or has taken it over from this run.
    Locked = 4,
    /// Refused: a protected resource, a plan that is no longer what would happen, a `--check` that doesn't hold, a step more destructive
    /// than what was approved.
    Refused = 5,
    /// Stopped by a person (Ctrl-C) or by SIGTERM.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The end of the help text.
pub(crate) const HELP: &str = "\
Exit status:
  0  done      2  wrong usage                             4  state is locked
  1  failed    3  changes, where none were expected     130  interrupted
  5  refused: protected, the plan has changed, or a check failed";
