//! The world outside: clocks, randomness and background work behind a trait, so that the same code runs in a simulation.

use futures_util::future::BoxFuture;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How much the clocks of two machines may differ. A time that another process wrote down is trusted no more than that.
pub const CLOCKS_DIFFER_MAX: Duration = Duration::from_secs(300);

/// Clocks, randomness and background work.
pub trait World: Send + Sync {
    /// Unix time in milliseconds.
    fn now_ms(&self) -> i64;
    /// A monotonic clock in milliseconds, for durations.
    fn clock_ms(&self) -> u64;
    /// A monotonic clock in milliseconds that goes on while the machine sleeps, for leases.
    fn lease_clock_ms(&self) -> u64;
    /// Waits.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
    /// A random number.
    fn random(&self) -> u64;
    /// Carries work out beside the caller's.
    fn spawn(&self, work: BoxFuture<'static, ()>);
}

/// The real world.
pub struct RealWorld {
    // The clock of tokio, which a test can stop.
    began: tokio::time::Instant,
}

impl Default for RealWorld {
    fn default() -> Self {
        Self { began: tokio::time::Instant::now() }
    }
}

impl World for RealWorld {
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn clock_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn lease_clock_ms(&self) -> u64 {
        #[cfg(target_os = "linux")]
        let clock = rustix::time::ClockId::Boottime;
        #[cfg(not(target_os = "linux"))]
        let clock = rustix::time::ClockId::Monotonic;
        let now = rustix::time::clock_gettime(clock);
        u64::try_from(now.tv_sec).unwrap_or(0) * 1000 + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn random(&self) -> u64 {
        use std::hash::{BuildHasher, Hasher, RandomState};
        RandomState::new().build_hasher().finish()
    }

    fn spawn(&self, work: BoxFuture<'static, ()>) {
        drop(tokio::spawn(work));
    }
}
