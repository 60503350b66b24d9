//! What can go wrong between Terrane and a state folder, in words a person can act on.

use std::{io, path::PathBuf, sync::Arc};

use super::lock::Holder;

/// The result of anything done to a state folder.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a state folder could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused something; nothing else is known to be wrong.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was tried, such as `read`.
        action: &'static str,
        /// The file or folder it was tried on.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// Something that is not a folder stands where the state folder should be.
    #[error("{path} is not a folder: choose another place for the state, or move what stands there")]
    NotAFolder {
        /// The path that was given.
        path: PathBuf,
    },
    /// A file of the state folder is a link, a pipe or a device.
    #[error("{path} is not a regular file: Terrane doesn't follow links inside a state folder")]
    NotAFile {
        /// The file in question.
        path: PathBuf,
    },
    /// The path never ends, because a symbolic link leads back to itself.
    #[error("{path} runs through a loop of symbolic links: correct the link, or give the folder's real path")]
    LinkLoop {
        /// The path that was given.
        path: PathBuf,
    },
    /// The folder can't be written by this user.
    #[error("the state folder {path} can't be written: {source}; correct its owner or mode, or choose another")]
    NotWritable {
        /// The state folder, or the file in it.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// The folder lies on a file system that doesn't keep the promises a log needs.
    #[error(
        "the state folder {path} lies on a network file system ({kind}), where locks and syncs can't be relied on: \
         choose a folder on a local disk, or keep the state on S3"
    )]
    Network {
        /// The state folder.
        path: PathBuf,
        /// The file system's name.
        kind: &'static str,
    },
    /// Another run holds the state.
    #[error("the state in {path} is locked by {}: wait for that run to end, or stop it", who(.holder.as_deref()))]
    Locked {
        /// The state folder.
        path: PathBuf,
        /// Who holds it, where the lock file says so.
        holder: Option<Box<Holder>>,
    },
    /// What is on the disk is not what was written there.
    #[error(
        "the state file {path} is damaged at byte {offset} (record {seq}): {problem}; nothing was changed: restore \
         the folder from a backup, or start from one of its snapshots"
    )]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// Where the damage begins, in bytes from the start of the file.
        offset: u64,
        /// The sequence number of the first record in doubt; 0 is a file's header.
        seq: u64,
        /// What was found instead.
        problem: String,
    },
    /// A newer Terrane wrote this file, and says that this one can't read it.
    #[error("{path} needs a Terrane that reads state format {min_reader}; this one reads up to {supported}: upgrade")]
    NewerFormat {
        /// The file in question.
        path: PathBuf,
        /// The oldest format a reader must know.
        min_reader: u32,
        /// The newest format known here.
        supported: u32,
    },
    /// The disk is full; nothing of the refused write was kept, and the state is whole.
    #[error("no space left for {path}: start nothing new, free some space (at least 2 MiB) and run again")]
    DiskFull {
        /// The file that could not grow.
        path: PathBuf,
    },
    /// A record, log or snapshot outgrew its limit.
    #[error("{path} would need {size_bytes} bytes, and the limit is {size_bytes_max}")]
    TooLarge {
        /// The file in question.
        path: PathBuf,
        /// The size that was asked for.
        size_bytes: u64,
        /// The most that is allowed.
        size_bytes_max: u64,
    },
    /// A write or a sync failed, so what is on the disk is unknown until the state is opened again.
    #[error("cannot {action} {path}: {cause}; nothing more is written by this run: check the disk, then run again")]
    Poisoned {
        /// What was tried when it happened.
        action: &'static str,
        /// The file it was tried on.
        path: PathBuf,
        /// The operating system's answer.
        cause: Arc<io::Error>,
    },
    /// A write through a handle that was opened for reading.
    #[error("the state in {path} was opened for reading only")]
    ReadOnly {
        /// The state folder.
        path: PathBuf,
    },
    /// A second, different snapshot of the same sequence number.
    #[error("nothing was recorded in {path} since record {seq}: append a record before a new snapshot")]
    NothingAppended {
        /// The state folder.
        path: PathBuf,
        /// The last record.
        seq: u64,
    },
    /// No such snapshot.
    #[error("there is no snapshot of record {seq} in {path}")]
    NoSnapshot {
        /// The folder of snapshots.
        path: PathBuf,
        /// The sequence number asked for.
        seq: u64,
    },
}

fn who(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "another process".to_owned(), Holder::to_string)
}
