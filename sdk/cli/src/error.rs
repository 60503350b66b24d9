//! The one error type of the command line: what failed, what else is known, what to do, and the exit status that it means.

use crate::{exit::Exit, nearest, render};
use terrane_core::Fault;
use terrane_engine::Undecided;
use terrane_state::secrets::Error as Secret;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Error {
    pub(crate) exit: Exit,
    pub(crate) message: String,
    pub(crate) details: Vec<String>,
    pub(crate) hints: Vec<String>,
    /// Faults of a program, each of them an error of its own; the message sums them up.
    pub(crate) faults: Vec<Fault>,
}

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), details: Vec::new(), hints: Vec::new(), faults: Vec::new() }
    }

    /// The person asked for something that can't be.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Exit::Failed, message)
    }

    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::Refused, message)
    }

    pub(crate) fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "interrupted; nothing was changed")
    }

    /// Interrupted after something was begun.
    pub(crate) fn cut_off() -> Self {
        Self::new(Exit::Interrupted, "interrupted; what was begun is finished by the next command")
    }

    /// The project has no such stack.
    pub(crate) fn no_stack(wanted: &str, stacks: &[String]) -> Self {
        Self::usage(format!("there is no stack `{wanted}`")).nearest(wanted, stacks)
    }

    /// A person said no.
    pub(crate) fn declined() -> Self {
        Self::failed("not agreed to; nothing was changed")
    }

    /// A file that can't be read or written.
    pub(crate) fn file(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::failed(format!("could not {what} {}: {error}", path.display()))
    }

    /// What is wrong with a program or plan. A rule of the engine that stands in the way refuses; anything else is the program's failure.
    pub(crate) fn of_faults(faults: Vec<Fault>) -> Self {
        // A program that makes no graph fails; a graph that a check or a protection forbids is refused.
        let failed = faults.iter().any(|fault| fault.code.starts_with("T01"));
        let exit = if failed { Exit::Failed } else { Exit::Refused };
        let message = match faults.len() {
            1 => "nothing was changed: there is an error".to_owned(),
            number => format!("nothing was changed: there are {number} errors"),
        };
        Self { faults, ..Self::new(exit, message) }
    }

    /// Creates that only a person can decide on, each with the commands to choose from.
    fn of_undecided(all: &[Undecided]) -> Self {
        let code = Undecided::CODE;
        let failed = match all {
            [one] => Self::failed(format!("{one} [{code}]")),
            several => {
                let message =
                    format!("{} creates were cut off, and how they ended is not clear [{code}]", several.len());
                several.iter().fold(Self::failed(message), |error, one| error.detail(one.to_string()))
            }
        };
        all.iter().map(|one| one.urn.label()).fold(failed, |error, label| {
            error.hint(format!(
                "look whether {label} exists: if it does, `import {label} ID`; if not, `state rm {label}`"
            ))
        })
    }

    #[must_use]
    pub(crate) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says which of the names there are may have been meant.
    #[must_use]
    pub(crate) fn nearest(mut self, wanted: &str, names: &[String]) -> Self {
        self.hints.extend(nearest::hint(wanted, names));
        self
    }

    /// As it is shown, the most useful last.
    pub(crate) fn text(&self) -> render::Text {
        if self.faults.is_empty() {
            return render::faults::error(&self.message, &self.details, &self.hints);
        }
        let mut text = render::faults::faults(&self.faults);
        text.gap();
        text.line(render::Line::plain(format!("{}.", self.message)));
        text
    }
}

impl From<terrane_core::Error> for Error {
    fn from(error: terrane_core::Error) -> Self {
        let code = error.documented_as().map(|code| format!(" [{code}]")).unwrap_or_default();
        let mut failed = Self::failed(format!("{error}{code}"));
        failed.hints.extend(error.hint().map(str::to_owned));
        failed
    }
}

impl From<terrane_state::Error> for Error {
    fn from(error: terrane_state::Error) -> Self {
        let message = error.to_string();
        match error {
            terrane_state::Error::Locked { .. } => Self::new(Exit::Locked, message)
                .hint("wait until it is done, or let `--wait-lock 10m` wait; the lock of a process that has ended is taken over by itself")
                .hint("`state unlock` says how to end a run that hangs"),
            terrane_state::Error::LeaseLost { .. } | terrane_state::Error::LeaseStale { .. } => Self::new(Exit::Locked, message)
                .hint("run the same command again: it finds out first how the calls that were under way have ended"),
            terrane_state::Error::Place { .. } => Self::usage(message),
            terrane_state::Error::Secret(Secret::NotAnswered) => Self::new(Exit::Interrupted, message),
            _ => Self::failed(message),
        }
    }
}

impl From<terrane_state::disk::Error> for Error {
    fn from(error: terrane_state::disk::Error) -> Self {
        Self::from(terrane_state::Error::from(error))
    }
}

impl From<terrane_engine::Error> for Error {
    fn from(error: terrane_engine::Error) -> Self {
        use terrane_engine::Error as Engine;
        let message = error.to_string();
        match error {
            Engine::Program(error) | Engine::Provider(error) => Self::from(error),
            Engine::State(error) | Engine::Cut { error, .. } => Self::from(error),
            Engine::Refused { faults } => Self::of_faults(faults),
            Engine::NoMatch { nearest, .. } => match nearest {
                Some(nearest) => Self::usage(message).hint(format!("did you mean `{nearest}`?")),
                None => Self::usage(message)
                    .hint("`state ls` and `preview --verbose` list the resources; `*` stands for any text"),
            },
            Engine::Undecided(all) => Self::of_undecided(&all),
            Engine::Renamed { stack, to } => Self::failed(message).hint(format!(
                "`--stack {to}` works on it; `stack rename {stack} {to}` lets the selection and the stack's file follow"
            )),
            Engine::Busy { stack, .. } => Self::failed(message).hint(format!("`up --stack {stack}` does so")),
            Engine::Open { .. } => Self::failed(message).hint("`up` and `refresh` do both"),
            Engine::Changed { .. } => {
                Self::refused(message).hint("run the same command again: it plans from the state as it is now")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_has_lost_the_stack_ends_like_one_that_never_got_it() {
        let lost = terrane_engine::Error::State(terrane_state::Error::LeaseLost { by: None });
        let error = Error::from(lost);
        assert_eq!(error.exit, Exit::Locked);
        assert!(error.message.starts_with("this run has lost its hold on the stack"), "{}", error.message);
        assert!(error.hints[0].starts_with("run the same command again"), "{:?}", error.hints);
    }
}
