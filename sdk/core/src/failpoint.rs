//! Moments at which tests kill the process. Without the feature `failpoints`, which only tests turn on, there are none.

/// A moment of a run, named after what happens next or has just happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each name says it")]
pub enum Point {
    LeaseTaken,
    BeforeIntentCommit,
    AfterIntentCommit,
    AfterCall,
    BeforeDoneCommit,
    AfterDoneCommit,
    BeforeSeal,
    BeforeSnapshot,
    AfterSnapshot,
    BeforeRelease,
    RecoveryFound,
    KeyWritten,
    BeforeConfigWrite,
    AfterConfigWrite,
    AfterMoveCommit,
}

impl Point {
    /// All that an `up` comes to; the others are of commands that change keys, names and configuration.
    pub const ALL: [Self; 12] = [
        Self::LeaseTaken,
        Self::BeforeIntentCommit,
        Self::AfterIntentCommit,
        Self::AfterCall,
        Self::BeforeDoneCommit,
        Self::AfterDoneCommit,
        Self::BeforeSeal,
        Self::BeforeSnapshot,
        Self::AfterSnapshot,
        Self::BeforeRelease,
        Self::RecoveryFound,
        Self::KeyWritten,
    ];
}

/// Which moment kills the process, as `<point>:<how often it comes until then>`: `AfterCall:3`. With `:stop` after it, the process is stopped
/// there until somebody continues it.
pub const VARIABLE: &str = "TERRANE_FAILPOINT";

/// How many times as fast as usual leases run out, as a number.
pub const HASTE: &str = "TERRANE_HASTE";

#[cfg(feature = "failpoints")]
mod armed {
    use super::{HASTE, Point, VARIABLE};
    use rustix::process::{Signal, getpid, kill_process};
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };

    struct Armed {
        point: String,
        times: u64,
        signal: Signal,
    }

    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        let text = std::env::var(VARIABLE).ok()?;
        let mut words = text.split(':');
        let (point, times) = (words.next()?.to_owned(), words.next()?.parse().ok()?);
        let signal = if words.next() == Some("stop") { Signal::STOP } else { Signal::KILL };
        Some(Armed { point, times, signal })
    });

    /// How many times as fast as usual leases run out.
    #[must_use]
    pub fn haste() -> u32 {
        std::env::var(HASTE).ok().and_then(|text| text.parse().ok()).filter(|haste| *haste > 0).unwrap_or(1)
    }

    static TIMES: AtomicU64 = AtomicU64::new(0);

    /// Kills the process, as `kill -9` does, if this is the moment to.
    pub fn reach(point: Point) {
        let Some(Armed { point: wanted, times, signal }) = ARMED.as_ref() else { return };
        if *wanted == format!("{point:?}") && TIMES.fetch_add(1, Ordering::SeqCst) + 1 == *times {
            // A signal that a process sends to itself arrives before the call returns, if only one thread can take it; else a pause lets it.
            let _ = kill_process(getpid(), *signal);
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
}

#[cfg(feature = "failpoints")]
pub use armed::{haste, reach};

/// Passes a moment at which tests kill the process: does nothing, in this build.
#[cfg(not(feature = "failpoints"))]
pub const fn reach(_: Point) {}

/// How many times as fast as usual leases run out: as usual, in this build.
#[cfg(not(feature = "failpoints"))]
#[must_use]
pub const fn haste() -> u32 {
    1
}
