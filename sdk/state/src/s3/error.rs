//! What can go wrong between Terrane and a bucket, in words a person can act on.

use crate::objects::Fault;

/// The result of anything done to state in a bucket.
pub(super) type Result<T> = std::result::Result<T, crate::Error>;

/// Why state in a bucket could not be read or written. `object` names the object with its bucket.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A request failed that changes no state.
    #[error("cannot {action} {object}: {fault}; check the network, the credentials and the bucket, then run again")]
    Request {
        /// What was tried, such as `read`.
        action: &'static str,
        /// What it was tried on.
        object: String,
        /// How the last attempt ended.
        fault: Fault,
    },
    /// The bucket isn't there.
    #[error("{place}: there is no such bucket; create it, or let `stack init --create-bucket` do it")]
    NoBucket {
        /// The bucket and prefix.
        place: String,
    },
    /// The bucket that was to be made is another account's.
    #[error(
        "bucket {bucket} exists, and is not yours or not open to these credentials ({fault}): bucket names are shared by everybody, so choose \
         another one, or ask its owner to let you list, read and write it"
    )]
    Taken {
        /// The bucket.
        bucket: String,
        /// How the last attempt ended.
        fault: Fault,
    },
    /// A bucket was made and could be neither set up nor deleted again.
    #[error(
        "{why}; bucket {bucket} was made and is not fit for state, and it can't be deleted again ({fault}): delete it, then try again"
    )]
    HalfMade {
        /// The bucket.
        bucket: String,
        /// Why it could not be set up.
        why: String,
        /// How its deletion ended.
        fault: Fault,
    },
    /// A write of the head was refused and was certainly not carried out.
    #[error("{object} was not written: {fault}; nothing was recorded")]
    NotWritten {
        /// The head.
        object: String,
        /// How the last attempt ended.
        fault: Fault,
    },
    /// Whether a write of the head was carried out can't be found out now. It is settled before the next write, or shows when the state is
    /// read.
    #[error("whether {object} was written is unknown: {fault}; the next run reads what is there and goes on from it")]
    Undecided {
        /// The head.
        object: String,
        /// How the last attempt ended.
        fault: Fault,
    },
    /// An object is not what was written there.
    #[error(
        "{object} is damaged: {problem}; nothing was changed: bring back an earlier version of the object, or recover the state from a replica"
    )]
    Damaged {
        /// The object.
        object: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An object that the head refers to isn't there.
    #[error(
        "{object} is missing, but {head} refers to it; nothing was changed: bring the object back, or recover the state from a replica"
    )]
    Missing {
        /// The object.
        object: String,
        /// The head.
        head: String,
    },
    /// The head was there and is gone, or is older than it was: somebody deleted it or brought back an old version.
    #[error("{object} {problem} while this run held the stack; nothing more is written by this run")]
    WentBack {
        /// The head.
        object: String,
        /// What happened to it.
        problem: &'static str,
    },
    /// A newer Terrane wrote it.
    #[error("{object} has format {format}, this Terrane {action} up to format {known}: use a newer one")]
    Newer {
        /// The head.
        object: String,
        /// Its format.
        format: u32,
        /// `reads` or `writes`.
        action: &'static str,
        /// The newest format that this version knows.
        known: u32,
    },
    /// The head changed whenever it was read, again and again.
    #[error("{object} changed each of the {attempts} times it was read; run again")]
    Restless {
        /// The head.
        object: String,
        /// How often it was read.
        attempts: u32,
    },
    /// The store doesn't keep what a register needs.
    #[error("{place} can't keep state safely: {step}: {found}; use a store with conditional writes, such as Amazon S3")]
    Unfit {
        /// The bucket and prefix.
        place: String,
        /// The step of the probe that failed.
        step: &'static str,
        /// What the store did.
        found: String,
    },
}
