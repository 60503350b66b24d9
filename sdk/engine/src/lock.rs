//! Taking a stack's lock, and waiting for it while somebody else has it. All waiting goes by the world's clock.

use crate::{Error, Events, Session, What, moves::present};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use terrane_core::failpoint::{Point, reach};
use terrane_state::{Error as StateError, Held, Holder, Journal};

/// How often a lock that is taken is tried again, give or take [`JITTER_MS`].
const PAUSE_MS: u64 = 500;
/// Those who wait for the same lock don't ask in step.
const JITTER_MS: u64 = 250;

impl Session {
    /// Waits so long for a stack that somebody else works on, instead of failing at once.
    #[must_use]
    pub fn waiting(mut self, limit: Duration) -> Self {
        self.wait = limit;
        self
    }

    /// Takes this stack's lock.
    pub(crate) async fn open(&self, command: &str, events: &Events) -> Result<Arc<dyn Journal>, Error> {
        let journal = self.open_stack(&self.stack, command, events).await?;
        match present(&self.stack, &journal.state()) {
            Ok(()) => Ok(journal),
            Err(renamed) => release(&journal, Err(renamed)).await,
        }
    }

    /// Takes the lock of a stack of the project.
    pub(crate) async fn open_stack(
        &self,
        stack: &str,
        command: &str,
        events: &Events,
    ) -> Result<Arc<dyn Journal>, Error> {
        let began_ms = self.world.clock_ms();
        loop {
            let holder = self.holder(command);
            match self.store.open(&self.project.name, stack, &holder).await {
                Err(StateError::Locked { .. }) if self.may_wait(began_ms) => {
                    let held = self.store.held(&self.project.name, stack).await?;
                    self.pause(stack, held.as_ref(), began_ms, events).await;
                }
                opened => {
                    let journal = opened?;
                    reach(Point::LeaseTaken);
                    return Ok(journal);
                }
            }
        }
    }

    /// This process as a holder from this moment on, however long it has waited.
    fn holder(&self, command: &str) -> Holder {
        let this = Holder::current();
        let since = Timestamp::from_millisecond(self.world.now_ms()).unwrap_or(this.since);
        Holder { command: command.to_owned(), since, ..this }
    }

    /// Waits, if [`Session::waiting`] says so, until nobody works on the stack or its holder has been silent for long enough. Takes and writes
    /// nothing: a plan that is made then is one from a state at rest.
    ///
    /// # Errors
    /// When the state can't be read, or somebody still holds the stack after all this time.
    pub async fn until_free(&self, events: &Events) -> Result<(), Error> {
        let began_ms = self.world.clock_ms();
        while !self.wait.is_zero()
            && let Some(held) = self.store.held(&self.project.name, &self.stack).await?
            && held.takeover_in_ms != Some(0)
        {
            if !self.may_wait(began_ms) {
                return Err(StateError::Locked { holder: Some(Box::new(held.holder)) }.into());
            }
            self.pause(&self.stack, Some(&held), began_ms, events).await;
        }
        Ok(())
    }

    fn may_wait(&self, began_ms: u64) -> bool {
        self.waited_ms(began_ms) < self.limit_ms()
    }

    fn waited_ms(&self, began_ms: u64) -> u64 {
        self.world.clock_ms().saturating_sub(began_ms)
    }

    fn limit_ms(&self) -> u64 {
        u64::try_from(self.wait.as_millis()).unwrap_or(u64::MAX)
    }

    async fn pause(&self, stack: &str, held: Option<&Held>, began_ms: u64, events: &Events) {
        let (waited_ms, limit_ms) = (self.waited_ms(began_ms), self.limit_ms());
        let holder = held.map(|held| &held.holder);
        events.tell(What::LockWaiting {
            stack: stack.to_owned(),
            holder: holder.map(|holder| format!("{}@{}", holder.user, holder.host)),
            command: holder.map(|holder| holder.command.clone()),
            since_ms: holder.map(|holder| holder.since.as_millisecond()),
            waited_ms,
            limit_ms,
            silent_ms: held.map(|held| held.silent_ms),
            takeover_in_ms: held.and_then(|held| held.takeover_in_ms),
        });
        let pause_ms = PAUSE_MS + self.world.random() % JITTER_MS;
        self.world.sleep(Duration::from_millis(pause_ms.min(limit_ms.saturating_sub(waited_ms)))).await;
    }
}

/// Gives the lock back also when what was done under it has failed: others would have to wait until the holder is taken for dead.
pub(crate) async fn release<T>(journal: &Arc<dyn Journal>, result: Result<T, Error>) -> Result<T, Error> {
    let closed = journal.close().await;
    let value = result?;
    closed?;
    Ok(value)
}
