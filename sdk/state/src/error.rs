//! What can go wrong with state.

use crate::{Holder, disk, s3, secrets};
use terrane_core::state::Corrupt;

/// Why state can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else works on the stack.
    #[error("the stack is in use by {}", holder.as_ref().map_or_else(|| "another process".to_owned(), ToString::to_string))]
    Locked {
        /// Who, if they said so.
        holder: Option<Box<Holder>>,
    },
    /// A record contradicts the records before it.
    #[error("the state does not add up: {0}")]
    Corrupt(#[from] Corrupt),
    /// A record or snapshot that is whole on the disk doesn't read as what it should be.
    #[error("{place}: record {seq} can't be read: {source}; nothing was changed")]
    Unreadable {
        /// The folder.
        place: String,
        /// The number of the record; that of the last one in it, for a snapshot.
        seq: u64,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The folder that keeps the state refuses or is damaged; the text names the file.
    #[error(transparent)]
    Disk(disk::Error),
    /// The bucket that keeps the state refuses or is damaged; the text names the object.
    #[error(transparent)]
    S3(#[from] s3::Error),
    /// A secret can't be sealed or opened.
    #[error(transparent)]
    Secret(#[from] secrets::Error),
    /// There is no room left; what was in flight has been recorded.
    #[error("no space left at {place}: what was in flight has been recorded; free at least 2 MiB and run again")]
    Full {
        /// The folder.
        place: String,
    },
    /// Somebody else has taken the stack over, or this process never held it.
    #[error("this run has lost its hold on the stack{}: what was under way is finished and recorded where possible, nothing more is started", by.as_ref().map_or_else(String::new, |by| format!(" to {by}")))]
    LeaseLost {
        /// Who has it now, if that is known.
        by: Option<Box<Holder>>,
    },
    /// This process can't show at the moment that it still holds the stack, since its last sign of life is too long ago. Nothing may be started
    /// until the next one has succeeded, which [`Journal::permit`](crate::Journal::permit) then says; or the stack is lost.
    #[error("the store of the state has not confirmed this run's hold on the stack for {} s", silent_ms / 1000)]
    LeaseStale {
        /// How long ago the last sign of life was sent.
        silent_ms: u64,
    },
    /// A state that was to be set aside is not damaged.
    #[error("the state at {place} loads now: nothing of it was set aside")]
    Whole {
        /// The stack's place.
        place: String,
    },
    /// A state of the past that is not kept.
    #[error("{place}: no state is kept for record {seq}; `stack history` lists those that are")]
    NoRestorePoint {
        /// The stack's place.
        place: String,
        /// What was asked for.
        seq: u64,
    },
    /// A file that is no exported state, or a damaged one.
    #[error("{place} is not an exported state that can be used: {source}; nothing was changed")]
    NotAnExport {
        /// The file.
        place: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A newer version exported the state.
    #[error("{place} has export format {format}, and this program reads {supported}: upgrade; nothing was changed")]
    NewerExport {
        /// The file.
        place: String,
        /// Its version.
        format: u32,
        /// The one that is read here.
        supported: u32,
    },
    /// A place that isn't one.
    #[error("`{url}` is not a place for state: {why}")]
    Place {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The task that writes was cancelled with its runtime.
    #[error("the write was cut off")]
    Cancelled,
}

impl Error {
    /// Whether it says of a commit that nothing of it was written, for certain, and leaves room for another.
    #[must_use]
    pub fn is_unwritten(&self) -> bool {
        matches!(
            self,
            Self::Corrupt(_)
                | Self::Secret(_)
                | Self::Disk(disk::Error::DiskFull { .. } | disk::Error::TooLarge { .. })
                | Self::S3(s3::Error::NotWritten { .. } | s3::Error::Request { .. })
        )
    }

    /// Whether it says that a state is not what was written, so that it will never load as it is.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Corrupt(_)
                | Self::Unreadable { .. }
                | Self::Disk(disk::Error::Corrupt { .. })
                | Self::S3(s3::Error::Damaged { .. } | s3::Error::Missing { .. })
        ) || matches!(self, Self::Secret(error) if error.is_loss())
    }
}

impl From<disk::Error> for Error {
    fn from(error: disk::Error) -> Self {
        match error {
            disk::Error::Locked { holder, .. } => Self::Locked { holder },
            error => Self::Disk(error),
        }
    }
}
