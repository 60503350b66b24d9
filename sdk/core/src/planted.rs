//! Bugs that are planted to see whether the tests catch them. Without the feature `planted`, which only tests turn on, there are none.

/// A bug that can be planted, named after what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each name says it")]
pub enum Bug {
    CommitWithoutIfMatch,
    NonceReused,
    FailedReadBackTakenAsNotCommitted,
    PreconditionTakenAsLostWithoutReadBack,
    TakeoverWithoutEpoch,
    CallBeforeIntentIsDurable,
    DependentBeforeDoneIsDurable,
    OpIdMintedInRetryLoop,
    GenerationReusedAfterDelete,
    PermitNotAskedOnRetries,
    PermitOnClockThatStops,
    CompactionDropsRecords,
    CollectionBeforeSwap,
    SnapshotNotVerified,
    MissingSegmentReadAsEnd,
    TailCutBelowSeal,
    FolderNotSynced,
    AdoptWithoutComparingTag,
    DeleteByNameWithoutTag,
    SecretThroughPlainRenderer,
    BeatKeepsRevision,
    FailureLeavesOperationOpen,
    SettleWindowNotWaited,
    DeletedObjectKept,
    CreateSentAgainWithoutToken,
    IdleRunWrites,
    CutOffUpdateForgotten,
    PointReadAsNow,
}

impl Bug {
    /// Those that any suite of such tests should catch.
    pub const LISTED: [Self; 20] = [
        Self::CommitWithoutIfMatch,
        Self::NonceReused,
        Self::FailedReadBackTakenAsNotCommitted,
        Self::PreconditionTakenAsLostWithoutReadBack,
        Self::TakeoverWithoutEpoch,
        Self::CallBeforeIntentIsDurable,
        Self::DependentBeforeDoneIsDurable,
        Self::OpIdMintedInRetryLoop,
        Self::GenerationReusedAfterDelete,
        Self::PermitNotAskedOnRetries,
        Self::PermitOnClockThatStops,
        Self::CompactionDropsRecords,
        Self::CollectionBeforeSwap,
        Self::SnapshotNotVerified,
        Self::MissingSegmentReadAsEnd,
        Self::TailCutBelowSeal,
        Self::FolderNotSynced,
        Self::AdoptWithoutComparingTag,
        Self::DeleteByNameWithoutTag,
        Self::SecretThroughPlainRenderer,
    ];

    /// Those that show of a checker that it notices what no other does.
    pub const FURTHER: [Self; 8] = [
        Self::BeatKeepsRevision,
        Self::FailureLeavesOperationOpen,
        Self::SettleWindowNotWaited,
        Self::DeletedObjectKept,
        Self::CreateSentAgainWithoutToken,
        Self::IdleRunWrites,
        Self::CutOffUpdateForgotten,
        Self::PointReadAsNow,
    ];
}

#[cfg(feature = "planted")]
mod plot {
    use super::Bug;
    use std::cell::Cell;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Plants a bug in this thread, or clears it.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.set(bug);
    }

    /// Whether the bug is planted in this thread.
    pub fn planted(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }
}

#[cfg(feature = "planted")]
pub use plot::{plant, planted};

/// Whether the bug is planted: never, in this build.
#[cfg(not(feature = "planted"))]
#[must_use]
pub const fn planted(_: Bug) -> bool {
    false
}
