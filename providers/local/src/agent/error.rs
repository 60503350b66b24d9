//! What can go wrong inside the agent.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;

use crate::wire::RefusalKind;

/// What can go wrong in a region agent, or in starting one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An operation on a file, socket or process failed.
    #[error("cannot {action} {subject}: {source}")]
    Io {
        /// What was tried: "write", "listen on".
        action: &'static str,
        /// On what.
        subject: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A request or an option is wrong.
    #[error("{0}")]
    Invalid(String),
    /// A request names something that does not exist.
    #[error("there is no {what} `{name}` in this region")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Something stands in the way.
    #[error("{0}")]
    Conflict(String),
    /// An address is taken.
    #[error("{address} is in use by {holder}")]
    AddressInUse {
        /// The address.
        address: SocketAddr,
        /// The process that has it, as far as it can be found.
        holder: String,
    },
    /// Another agent serves this folder.
    #[error("another agent already serves {folder}")]
    Running {
        /// The folder.
        folder: String,
    },
    /// The agent did not come up.
    #[error("the region agent {outcome}; the end of {log}:\n{tail}")]
    Start {
        /// What it did instead: "exited with status 1".
        outcome: String,
        /// The agent's log file.
        log: String,
        /// The last lines of it.
        tail: String,
    },
}

impl Error {
    /// Wraps an I/O error; for `map_err`.
    pub(crate) fn io(action: &'static str, subject: impl Display) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, subject: subject.to_string(), source }
    }

    /// As [`Error::io`], for a path.
    pub(crate) fn file(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        Self::io(action, path.display())
    }

    pub(crate) fn refusal_kind(&self) -> RefusalKind {
        match self {
            Self::Invalid(_) => RefusalKind::Invalid,
            Self::NotFound { .. } => RefusalKind::NotFound,
            Self::Conflict(_) | Self::AddressInUse { .. } | Self::Running { .. } => RefusalKind::Conflict,
            Self::Io { .. } | Self::Start { .. } => RefusalKind::Failed,
        }
    }
}

/// Result with this module's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;
