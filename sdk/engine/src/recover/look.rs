//! Asking a provider, with patience: what doesn't show yet may still, and a request of a dead process may still arrive.

use super::{CLOCKS_DIFFER_MAX, Recoverer};
use crate::{ApplyOptions, What, execute::pause};
use std::{future::Future, time::Duration};
use terrane_core::{AnyKind, Class, Creation, Error, Found, Outcome, Result, kind::Finding as Seen, state::Intent};

/// How often a question is put that finds no answer.
const ATTEMPTS_MAX: u32 = 6;
/// The pauses between two looks.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

impl Recoverer<'_> {
    /// Looks until the object shows, or must have shown.
    pub(super) async fn look(
        &self,
        kind: &dyn AnyKind,
        intent: &Intent,
        creation: &Creation,
        patience: Duration,
    ) -> Result<Seen> {
        let find = || kind.find((*intent.inputs.values).clone(), creation);
        self.until(intent, patience, |seen| !matches!(seen, Found::Nothing), find).await
    }

    /// Asks until an answer satisfies or patience ends; the last answer is given after the end, never before.
    pub(super) async fn until<T, F: Future<Output = Result<T>>>(
        &self,
        intent: &Intent,
        patience: Duration,
        satisfies: impl Fn(&T) -> bool,
        ask: impl Fn() -> F,
    ) -> Result<T> {
        let began_ms = self.world.clock_ms();
        let mut gap = PAUSES.0;
        loop {
            let waited = Duration::from_millis(self.world.clock_ms().saturating_sub(began_ms));
            let left = patience.saturating_sub(waited);
            let answer = self.asking(&ask).await?;
            if left.is_zero() || satisfies(&answer) {
                return Ok(answer);
            }
            self.wait(intent, gap.min(left)).await;
            gap = (gap * 2).min(PAUSES.1);
        }
    }

    /// Puts a question that changes nothing, again where that may help.
    pub(super) async fn asking<T, F: Future<Output = Result<T>>>(&self, ask: impl Fn() -> F) -> Result<T> {
        let mut attempt = 1;
        loop {
            match ask().await {
                Err(error) if attempt < ATTEMPTS_MAX && may_pass(&error) => {
                    self.world.sleep(pause(&**self.world, attempt)).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    /// How much of a time after the operation's last request is still to come, by clocks that are not trusted far.
    pub(super) fn left_of(&self, intent: &Intent, span: Duration) -> Duration {
        // While its process lives, a call is tried again until its time limit.
        let limit = intent.kept.timeout_ms.map_or_else(|| ApplyOptions::default().timeout, Duration::from_millis);
        let last_ms = intent.cut_ms.unwrap_or_else(|| intent.at_ms.saturating_add(millis(limit)));
        let since_ms = self.world.now_ms().saturating_sub(last_ms).saturating_sub(millis(CLOCKS_DIFFER_MAX));
        span.saturating_sub(Duration::from_millis(u64::try_from(since_ms).unwrap_or(0)))
    }

    pub(super) async fn wait(&self, intent: &Intent, time: Duration) {
        if time.is_zero() {
            return;
        }
        let text = "waiting until nothing of the cut-off run can arrive any more".to_owned();
        self.events.tell(What::StepProgress { urn: intent.urn.clone(), text });
        self.world.sleep(time).await;
    }
}

/// Whether the same request may succeed later; for requests that may be repeated.
pub(super) fn may_pass(error: &Error) -> bool {
    error.kind() != Class::Fatal || error.outcome() == Outcome::Unknown
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
