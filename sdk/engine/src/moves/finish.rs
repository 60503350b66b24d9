//! Moves that were cut off: each goes on where it stopped, or is undone where the other stack can't have the resources any more.

use super::{Side, arrived_at_last, is_leaving, released};
use crate::{Error, Events, Session, What, lock::release};
use terrane_core::{
    State, Urn,
    state::{Corrupt, Move, OpId},
};
use terrane_state::Error as StateError;

impl Session {
    /// Brings the moves that were cut off to their end; says what was done.
    pub(crate) async fn finish_moves(
        &self,
        state: &State,
        command: &str,
        events: &Events,
    ) -> Result<Vec<String>, Error> {
        let mut texts = Vec::new();
        for (op, begun) in &state.moves {
            let text = match begun {
                Move::Leaving { to, urns, whole } => {
                    self.finish_leaving(op, to, command, events).await?;
                    let what = if *whole { "everything".to_owned() } else { labels(urns.keys()) };
                    format!("finished the move of {what} to stack `{to}`")
                }
                Move::Arrived { from } => {
                    self.finish_arrived(op, from, command, events).await?;
                    format!("finished the move from stack `{from}`")
                }
                Move::Renamed { to } => match self.state_of(to).await? {
                    Some(there) if there.moves.contains_key(op) => {
                        self.settle_arrived(op, to, command, events).await?;
                        format!("finished the move to stack `{to}`")
                    }
                    _ => continue,
                },
            };
            let urn = Urn::new(&self.stack, &self.project.name, "", "terrane:Move", op.as_str());
            events.tell(What::Recovered { urn, text: text.clone() });
            texts.push(text);
        }
        Ok(texts)
    }

    async fn finish_leaving(&self, op: &OpId, to: &str, command: &str, events: &Events) -> Result<(), Error> {
        let (source, target) = self.open_both(to, command, events).await?;
        let journals = [source.journal.clone(), target.journal.clone()];
        released(journals, self.finish_leaving_under(op, command, source, target).await).await
    }

    async fn finish_leaving_under(&self, op: &OpId, command: &str, source: Side, target: Side) -> Result<(), Error> {
        let Some(leaving) = source.state.moves.get(op).filter(|_| is_leaving(&source.state, op)).cloned() else {
            // Somebody else has finished it while the locks were taken.
            return Ok(());
        };
        if !target.state.moves.contains_key(op) {
            let trial = self.arrived(op, &leaving, &source.state);
            match target.state.clone().apply(&trial) {
                // The other stack has made such a resource of its own since.
                Err(taken @ Corrupt::Exists(_)) => {
                    self.stay(op, source).await?;
                    return Err(StateError::from(taken).into());
                }
                // It was cut off while it made one, and only there it is known how.
                Err(Corrupt::Busy(urn)) => return Err(Error::Busy { stack: target.stack, urn }),
                _ => {}
            }
        }
        self.carry_over(op, &leaving, source, target, command).await
    }

    async fn finish_arrived(&self, op: &OpId, from: &str, command: &str, events: &Events) -> Result<(), Error> {
        if !self.state_of(from).await?.is_some_and(|source| is_leaving(&source, op)) {
            return self.settle_arrived(op, &self.stack, command, events).await;
        }
        let (target, source) = self.open_both(from, command, events).await?;
        let journals = [source.journal.clone(), target.journal.clone()];
        let finished = async {
            if is_leaving(&source.state, op) {
                self.leave(op, source).await?;
            }
            arrived_at_last(op, target).await
        };
        released(journals, finished.await).await
    }

    /// Ends a move in the stack that has the resources, when the other one has forgotten them.
    async fn settle_arrived(&self, op: &OpId, stack: &str, command: &str, events: &Events) -> Result<(), Error> {
        let target = self.open_side(stack, command, events).await?;
        let journal = target.journal.clone();
        release(&journal, arrived_at_last(op, target).await).await
    }
}

fn labels<'a>(urns: impl Iterator<Item = &'a Urn>) -> String {
    urns.map(Urn::label).collect::<Vec<_>>().join(", ")
}
