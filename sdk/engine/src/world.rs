//! The world outside the engine: clock and randomness behind a trait, so that the same code runs in a simulation.

use futures_util::future::BoxFuture;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Clock and randomness.
pub trait World: Send + Sync {
    /// Unix time in milliseconds.
    fn now_ms(&self) -> i64;
    /// A monotonic clock in milliseconds.
    fn clock_ms(&self) -> u64;
    /// Waits.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;
    /// A random number.
    fn random(&self) -> u64;
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

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn random(&self) -> u64 {
        use std::hash::{BuildHasher, Hasher, RandomState};
        RandomState::new().build_hasher().finish()
    }
}
