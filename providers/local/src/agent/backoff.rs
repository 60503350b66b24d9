//! How long to wait before the next attempt.

use std::time::Duration;

/// Exponential back-off with jitter. The first delay is nothing.
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

/// A run at least this long was a success, however it ended.
const RAN_WELL: Duration = Duration::from_secs(10);

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// Begins anew after a success.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The delay after something ran this long and then failed.
    pub(crate) fn after_run(&mut self, ran: Duration) -> Duration {
        if ran >= RAN_WELL {
            self.reset();
        }
        self.next()
    }

    /// The delay after one more failure.
    pub(crate) fn next(&mut self) -> Duration {
        let failures = self.failures;
        self.failures = failures.saturating_add(1);
        if failures == 0 {
            return Duration::ZERO;
        }
        let doubled = self.first.saturating_mul(1 << (failures - 1).min(16));
        // Jitter, so that processes which fell together don't come back together.
        doubled.min(self.longest).mul_f64(0.75 + fastrand::f64() * 0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_its_limit_and_resets_after_a_long_run() {
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
        assert_eq!(backoff.after_run(Duration::ZERO), Duration::ZERO);
        let delays: Vec<Duration> = (0..40).map(|_| backoff.after_run(Duration::from_secs(1))).collect();
        assert!(delays[0] >= Duration::from_millis(150) && delays[0] <= Duration::from_millis(250));
        assert!(delays.iter().all(|delay| *delay <= Duration::from_millis(12_500)));
        assert!(delays[39] >= Duration::from_millis(7_500));
        assert_eq!(backoff.after_run(RAN_WELL), Duration::ZERO);
    }
}
