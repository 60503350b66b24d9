//! Asking a provider, with patience: what doesn't show yet may still, and a request of a dead process may still arrive.

use super::Recoverer;
use crate::{
    ApplyOptions, What,
    execute::{STAGED_MAX_MS, asking, survive, within},
};
use std::{future::Future, time::Duration};
use terrane_core::{Result, state::Intent};
use terrane_state::CLOCKS_DIFFER_MAX;

/// The pauses between two looks.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

impl Recoverer<'_> {
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
            let answer = self.asking(intent, &ask).await?;
            if left.is_zero() || satisfies(&answer) {
                return Ok(answer);
            }
            self.wait(intent, gap.min(left)).await;
            gap = (gap * 2).min(PAUSES.1);
        }
    }

    /// Puts a question that changes nothing, again where that may help.
    pub(super) async fn asking<T, F: Future<Output = Result<T>>>(
        &self,
        intent: &Intent,
        ask: impl Fn() -> F,
    ) -> Result<T> {
        self.calling(intent, asking(&**self.world, ask)).await
    }

    /// Runs a provider's code: no longer than the operation itself may take, and a panic is a failure like any other.
    pub(super) async fn calling<T>(&self, intent: &Intent, call: impl Future<Output = Result<T>>) -> Result<T> {
        let limit = limit(intent);
        within(&**self.world, limit, limit, survive(call)).await
    }

    /// How much of a time after the operation's last request is still to come: after the last moment at which the dead process can have sent
    /// one, as its journal shows, or after what the intent says of it, by a clock that is not trusted far.
    pub(super) fn left_of(&self, intent: &Intent, span: Duration) -> Duration {
        // While its process lives, a call may wait for its turn, and is tried again until its time limit.
        let at_last = || intent.at_ms.saturating_add(STAGED_MAX_MS).saturating_add(millis(limit(intent)));
        let last_ms = intent.cut_ms.unwrap_or_else(at_last);
        let since_ms = u64::try_from(self.world.now_ms().saturating_sub(last_ms)).unwrap_or(0);
        let as_said = Duration::from_millis(since_ms).saturating_sub(CLOCKS_DIFFER_MAX);
        let held_ms = self.world.clock_ms().saturating_sub(self.opened_ms);
        let as_seen = self.journal.quiet() + Duration::from_millis(held_ms);
        span.saturating_sub(as_said.max(as_seen))
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

/// How long the operation may take.
fn limit(intent: &Intent) -> Duration {
    intent.kept.timeout_ms.map_or_else(|| ApplyOptions::default().timeout, Duration::from_millis)
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
