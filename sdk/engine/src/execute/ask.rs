//! Requests that may be put again: when, how often, and after which pauses.

use crate::World;
use std::time::Duration;
use terrane_core::{Class, Error, Outcome, Result};

/// How often a question is put that finds no answer.
const ATTEMPTS_MAX: u32 = 6;
/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(20);

/// Puts a question that changes nothing, again where that may help.
pub(crate) async fn asking<T, F: Future<Output = Result<T>>>(world: &dyn World, ask: impl Fn() -> F) -> Result<T> {
    let mut attempt = 1;
    loop {
        match ask().await {
            Err(error) if attempt < ATTEMPTS_MAX && may_pass(&error) => {
                world.sleep(pause(world, attempt)).await;
                attempt += 1;
            }
            answer => return answer,
        }
    }
}

/// Whether the same request may succeed later; for requests that may be repeated.
pub(crate) fn may_pass(error: &Error) -> bool {
    error.kind() != Class::Fatal || error.outcome() == Outcome::Unknown
}

/// A pause before another attempt: longer each time, with full jitter over the upper half, so that callers that failed together don't come
/// back together.
pub(crate) fn pause(world: &dyn World, attempt: u32) -> Duration {
    let base = Duration::from_millis(200).saturating_mul(1 << attempt.min(7)).min(PAUSE_MAX);
    let share = world.random() % 512;
    base / 2 + base / 2 * u32::try_from(share).unwrap_or(0) / 512
}
