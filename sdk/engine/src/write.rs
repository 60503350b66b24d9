//! Writing: records go into the journal, and the state follows them.

use crate::{Error, Session};
use std::sync::Arc;
use terrane_core::{
    Record, State,
    state::{RunEnd, RunStart},
};
use terrane_state::{Error as StateError, Holder, Journal};

/// Lets the state follow records and makes them durable. What contradicts the state is found before anything is written.
pub(crate) async fn commit(
    journal: &Arc<dyn Journal>,
    state: &mut State,
    records: Vec<Record>,
) -> Result<(), StateError> {
    state.apply_all(&records)?;
    journal.commit(records).await
}

impl Session {
    /// How a run of this process begins.
    pub(crate) fn start(&self, command: &str, message: &str) -> RunStart {
        let holder = Holder::current();
        let who = format!("{}@{}", holder.user, holder.host);
        RunStart { command: command.to_owned(), message: message.to_owned(), who, at_ms: self.world.now_ms() }
    }

    /// Writes records as a run of their own; nothing, when there are none.
    pub(crate) async fn write(
        &self,
        journal: &Arc<dyn Journal>,
        command: &str,
        records: Vec<Record>,
    ) -> Result<State, Error> {
        let mut state = journal.state();
        if records.is_empty() {
            return Ok(state);
        }
        let start = Record::RunStart(self.start(command, ""));
        let end = Record::RunEnd(RunEnd::done(self.world.now_ms()));
        let all: Vec<Record> = [start].into_iter().chain(records).chain([end]).collect();
        state.apply_all(&all).map_err(StateError::from)?;
        journal.finish(all, &state).await?;
        Ok(state)
    }
}
