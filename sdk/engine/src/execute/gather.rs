//! When records are committed: at once, or together with those of calls that are about to end.
//!
//! Calls of one kind that started together often end together, give or take a moment. If the first one's record went off alone, the others'
//! would wait for as long as a write takes, and they would stay apart in all that follows: as many writes as there are calls. So a record waits
//! for its call's companions, for a small part of what the last write took.

use futures_util::future::{BoxFuture, pending};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use terrane_state::World;

/// Which part of a write's time a record may wait.
const PART: u64 = 8;

/// What decides it.
pub(super) struct Gather {
    world: Arc<dyn World>,
    /// How many calls run that started then.
    running: BTreeMap<u64, usize>,
    /// When the write in flight began.
    began_ms: u64,
    /// How long records may wait.
    window_ms: u64,
    /// When they have waited for long enough.
    limit: Option<BoxFuture<'static, ()>>,
}

impl Gather {
    pub(super) fn new(world: Arc<dyn World>) -> Self {
        Self { world, running: BTreeMap::new(), began_ms: 0, window_ms: 0, limit: None }
    }

    /// A call starts.
    pub(super) fn started(&mut self, at_ms: u64) {
        *self.running.entry(at_ms).or_default() += 1;
    }

    /// A call that started then has ended, and its record waits to be written.
    pub(super) fn ended(&mut self, started_ms: u64) {
        if let Some(count) = self.running.get_mut(&started_ms) {
            *count -= 1;
            if *count == 0 {
                self.running.remove(&started_ms);
            }
        }
        let together = started_ms.saturating_sub(self.window_ms)..=started_ms + self.window_ms;
        let is_alone = self.window_ms == 0 || self.running.range(together).next().is_none();
        self.limit = match self.limit.take() {
            _ if is_alone => None,
            None => Some(self.world.sleep(Duration::from_millis(self.window_ms))),
            limit => limit,
        };
    }

    /// Whether records wait for others.
    pub(super) fn is_waiting(&self) -> bool {
        self.limit.is_some()
    }

    /// Returns when they have waited for long enough; never, when they don't wait.
    pub(super) async fn waited(&mut self) {
        match &mut self.limit {
            Some(limit) => limit.await,
            None => pending().await,
        }
        self.limit = None;
    }

    /// A write begins.
    pub(super) fn writes(&mut self) {
        self.began_ms = self.world.clock_ms();
    }

    /// It has ended.
    pub(super) fn wrote(&mut self) {
        self.window_ms = (self.world.clock_ms() - self.began_ms) / PART;
    }
}
