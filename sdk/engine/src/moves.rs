//! Moves of resources between two stacks of a project: a prepared record in the source, an adopting one in the target, and one in each that
//! ends it. Both stacks are locked while it goes on.
//!
//! Until the source has its last record it still lists the resources, but works on none of them; the target owns them from its adopting record
//! on. A move that was cut off goes on where it stopped with the next command on either stack.

use crate::{Error, Events, Session, What};
use std::{collections::BTreeMap, sync::Arc};
use terrane_core::{
    Record, State, Urn,
    failpoint::{Point, reach},
    state::{Corrupt, Lineage, Move, OpId, RunEnd},
};
use terrane_state::{Error as StateError, Holder, Journal};

/// How much of a stack moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Some resources.
    Some,
    /// All of it, history and exports too: the stack gets another name.
    Whole,
}

/// A stack that is locked for a move.
struct Side {
    journal: Arc<dyn Journal>,
    state: State,
}

impl Side {
    async fn write(&mut self, records: Vec<Record>) -> Result<(), Error> {
        for record in &records {
            self.state.apply(record).map_err(StateError::from)?;
        }
        self.journal.commit(records).await?;
        reach(Point::AfterMoveCommit);
        Ok(())
    }

    async fn end(self) -> Result<(), Error> {
        self.journal.seal(&self.state).await?;
        Ok(self.journal.close().await?)
    }
}

impl Session {
    /// Gives resources to another stack, each under the URN that it is to have there. The real objects stay as they are.
    ///
    /// # Errors
    /// When one of the stacks is locked or has something open, or the other stack has such a resource already; nothing is written then.
    pub async fn move_to(&self, to: &str, urns: BTreeMap<Urn, Urn>, events: &Events) -> Result<(), Error> {
        self.begin_move("state mv", to, Extent::Some, |_| urns, events).await
    }

    /// Gives the stack another name: everything moves to a new stack of that name, history and exports too, and this one is removed.
    ///
    /// # Errors
    /// As [`Session::move_to`], and when there is a stack of that name.
    pub async fn rename_to(&self, to: &str, events: &Events) -> Result<(), Error> {
        let all = |state: &State| {
            let renamed = |urn: &Urn| urn.in_stack(to, &self.project.name);
            state.instances().map(|instance| (instance.urn.clone(), renamed(&instance.urn))).collect()
        };
        self.begin_move("stack rename", to, Extent::Whole, all, events).await
    }

    async fn begin_move(
        &self,
        command: &str,
        to: &str,
        extent: Extent,
        urns: impl FnOnce(&State) -> BTreeMap<Urn, Urn>,
        events: &Events,
    ) -> Result<(), Error> {
        let (source, target) = self.open_both(to, command, events).await?;
        let journals = [source.journal.clone(), target.journal.clone()];
        released(journals, self.prepare_move(command, to, extent, urns, source, target).await).await
    }

    async fn prepare_move(
        &self,
        command: &str,
        to: &str,
        extent: Extent,
        urns: impl FnOnce(&State) -> BTreeMap<Urn, Urn>,
        mut source: Side,
        target: Side,
    ) -> Result<(), Error> {
        for state in [&source.state, &target.state] {
            open_ends(state)?;
        }
        let whole = extent == Extent::Whole;
        if whole && target.state.seq > 0 {
            return Err(Error::Program(terrane_core::Error::new(format!("there is a stack `{to}` already"))));
        }
        let urns = urns(&source.state);
        let generation = source.state.generation + 1;
        let named = Urn::new(&self.stack, &self.project.name, "", "terrane:Move", to);
        let op = OpId::mint(&source.state.lineage, &named, generation);
        let prepared = Record::Leaving { op: op.clone(), generation, to: to.to_owned(), urns: urns.clone(), whole };
        let leaving = Move::Leaving { to: to.to_owned(), urns, whole };
        // What the target would refuse is found before anything is written.
        let trial = self.arrived(&op, &leaving, &source.state);
        target.state.clone().apply(&trial).map_err(StateError::from)?;
        source.write(vec![Record::RunStart(self.start(command, "")), prepared]).await?;
        self.carry_over(&op, &leaving, source, target, command).await
    }

    /// Brings a prepared move to its end, from wherever it stands.
    async fn carry_over(
        &self,
        op: &OpId,
        leaving: &Move,
        source: Side,
        mut target: Side,
        command: &str,
    ) -> Result<(), Error> {
        if !target.state.moves.contains_key(op) {
            let arrived = self.arrived(op, leaving, &source.state);
            target.write(vec![Record::RunStart(self.start(command, "")), arrived, self.run_end()]).await?;
        }
        self.leave(&self.stack, op, leaving, source).await?;
        target.write(vec![Record::Settled { op: op.clone() }]).await?;
        target.end().await
    }

    /// The last of the source: it forgets what left, or is removed when all of it did.
    async fn leave(&self, stack: &str, op: &OpId, leaving: &Move, mut source: Side) -> Result<(), Error> {
        if matches!(leaving, Move::Leaving { whole: true, .. }) {
            source.journal.close().await?;
            let holder = Holder { command: "stack rename".to_owned(), ..Holder::current() };
            self.store.remove(&self.project.name, stack, &holder).await?;
            reach(Point::AfterStackRemoval);
            return Ok(());
        }
        source.write(vec![Record::Settled { op: op.clone() }, self.run_end()]).await?;
        source.end().await
    }

    /// The adopting record.
    fn arrived(&self, op: &OpId, leaving: &Move, source: &State) -> Record {
        let state = match leaving {
            Move::Leaving { urns, whole: true, .. } => source.departing_whole(urns),
            Move::Leaving { urns, .. } => source.departing(urns),
            Move::Arrived { .. } => State::new(Lineage::default()),
        };
        Record::Arrived { op: op.clone(), from: self.stack.clone(), state: Box::new(state) }
    }

    fn run_end(&self) -> Record {
        Record::RunEnd(RunEnd { result: "done".to_owned(), at_ms: self.world.now_ms(), ..RunEnd::default() })
    }

    /// Brings the moves that were cut off to their end; says what was done.
    pub(crate) async fn finish_moves(&self, command: &str, events: &Events) -> Result<Vec<String>, Error> {
        let Some(state) = self.state().await? else { return Ok(Vec::new()) };
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

    async fn finish_leaving_under(
        &self,
        op: &OpId,
        command: &str,
        mut source: Side,
        target: Side,
    ) -> Result<(), Error> {
        let Some(leaving) = source.state.moves.get(op).cloned() else {
            // Somebody else has finished it while the locks were taken.
            source.end().await?;
            return target.end().await;
        };
        if !target.state.moves.contains_key(op) {
            let trial = self.arrived(op, &leaving, &source.state);
            if let Err(taken @ Corrupt::Exists(_)) = target.state.clone().apply(&trial) {
                // The other stack has made such a resource of its own since. It has adopted nothing, and both are locked: they stay here.
                source.write(vec![Record::Stayed { op: op.clone() }, self.run_end()]).await?;
                return Err(StateError::from(taken).into());
            }
        }
        self.carry_over(op, &leaving, source, target, command).await
    }

    async fn finish_arrived(&self, op: &OpId, from: &str, command: &str, events: &Events) -> Result<(), Error> {
        let there = self.store.read(&self.project.name, from).await?;
        if there.is_some_and(|source| source.moves.contains_key(op)) {
            let (target, source) = self.open_both(from, command, events).await?;
            let journals = [source.journal.clone(), target.journal.clone()];
            let finished = async {
                match source.state.moves.get(op).cloned() {
                    Some(leaving) => self.leave(from, op, &leaving, source).await?,
                    None => source.end().await?,
                }
                arrived_at_last(op, target).await
            };
            return released(journals, finished.await).await;
        }
        let target = self.open_side(&self.stack, command, events).await?;
        let journals = [target.journal.clone()];
        released(journals, arrived_at_last(op, target).await).await
    }

    /// Locks this stack and another one. Always in the order of their names, so that two who want both don't wait for each other.
    async fn open_both(&self, other: &str, command: &str, events: &Events) -> Result<(Side, Side), Error> {
        if self.stack.as_str() <= other {
            let own = self.open_side(&self.stack, command, events).await?;
            let other = self.open_side(other, command, events).await?;
            Ok((own, other))
        } else {
            let other = self.open_side(other, command, events).await?;
            let own = self.open_side(&self.stack, command, events).await?;
            Ok((own, other))
        }
    }

    async fn open_side(&self, stack: &str, command: &str, events: &Events) -> Result<Side, Error> {
        let journal = self.open_stack(stack, command, events).await?;
        Ok(Side { state: journal.state(), journal })
    }
}

async fn arrived_at_last(op: &OpId, mut target: Side) -> Result<(), Error> {
    if target.state.moves.contains_key(op) {
        target.write(vec![Record::Settled { op: op.clone() }]).await?;
    }
    target.end().await
}

/// Gives the locks back also when the move has failed.
async fn released<const N: usize>(journals: [Arc<dyn Journal>; N], result: Result<(), Error>) -> Result<(), Error> {
    if result.is_err() {
        for journal in journals {
            // What went wrong first is what counts.
            let _ = journal.close().await;
        }
    }
    result
}

/// Refuses a state in which something is open.
pub(crate) fn open_ends(state: &State) -> Result<(), Error> {
    if !state.is_cut_off() {
        return Ok(());
    }
    let moving = state.moves.values().flat_map(|begun| match begun {
        Move::Leaving { urns, .. } => urns.keys().cloned().collect(),
        Move::Arrived { .. } => Vec::new(),
    });
    let urns = state.pending.values().map(|intent| intent.urn.clone()).chain(moving).collect();
    Err(Error::Open { urns })
}

fn labels<'a>(urns: impl Iterator<Item = &'a Urn>) -> String {
    urns.map(Urn::label).collect::<Vec<_>>().join(", ")
}
