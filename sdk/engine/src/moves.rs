//! Moves of resources between two stacks of a project: a prepared record in the source, an adopting one in the target, and one in each that
//! ends it, in the source first. Both stacks are locked while it goes on.
//!
//! Until the source has its last record it still lists the resources, but works on none of them; the target owns them from its adopting record
//! on. A move that was cut off goes on where it stopped with the next command on either stack. A stack that was moved as a whole stays under
//! its old name as an empty one that says where it went, until it is removed: whoever still uses that name must not make all anew.

mod finish;

use crate::{Error, Events, Session, lock::release, write::commit};
use std::{collections::BTreeMap, sync::Arc};
use terrane_core::{
    Record, State, Urn,
    failpoint::{Point, reach},
    state::{Lineage, Move, OpId, RunEnd},
};
use terrane_state::{Error as StateError, Journal};

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
    stack: String,
    journal: Arc<dyn Journal>,
    state: State,
}

impl Side {
    async fn write(&mut self, records: Vec<Record>) -> Result<(), Error> {
        commit(&self.journal, &mut self.state, records).await?;
        reach(Point::AfterMoveCommit);
        Ok(())
    }

    async fn seal(&self) -> Result<(), Error> {
        Ok(self.journal.seal(&self.state).await?)
    }
}

impl Session {
    /// Gives resources to another stack, each under the URN that it is to have there. The real objects stay as they are.
    ///
    /// # Errors
    /// When one of the stacks is locked or has something open, or the other stack has such a resource already or can't keep it, as without a
    /// key for its secrets. Every resource is where it was then, and nothing is open.
    pub async fn move_to(&self, to: &str, urns: BTreeMap<Urn, Urn>, events: &Events) -> Result<(), Error> {
        self.begin_move("state mv", to, Extent::Some, |_| urns, events).await
    }

    /// Gives the stack another name: everything moves to a new stack of that name, history and exports too. Under the old one every command
    /// is refused from then on and names the new one, until the stack of that name is removed.
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
        for (stack, state) in [(self.stack.as_str(), &source.state), (to, &target.state)] {
            present(stack, state)?;
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
            let adopting = vec![Record::RunStart(self.start(command, "")), arrived, self.run_end()];
            if let Err(error) = target.write(adopting).await {
                return self.not_taken(op, source, error).await;
            }
        }
        self.leave(op, source).await?;
        arrived_at_last(op, target).await
    }

    /// The adopting record could not be written. Where that is certain, the resources stay where they are: another process has been faster
    /// where the first write takes a stack, there is no key for their secrets, or no room.
    async fn not_taken(&self, op: &OpId, source: Side, error: Error) -> Result<(), Error> {
        if matches!(&error, Error::State(why) if why.is_unwritten() || matches!(why, StateError::Locked { .. })) {
            self.stay(op, source).await?;
        }
        Err(error)
    }

    /// The last of the source when the other stack has adopted nothing, and can't meanwhile: both are locked.
    async fn stay(&self, op: &OpId, mut source: Side) -> Result<(), Error> {
        source.write(vec![Record::Stayed { op: op.clone() }, self.run_end()]).await?;
        source.seal().await
    }

    /// The last of the source: it forgets what left.
    async fn leave(&self, op: &OpId, mut source: Side) -> Result<(), Error> {
        source.write(vec![Record::Settled { op: op.clone() }, self.run_end()]).await?;
        source.seal().await
    }

    /// The adopting record.
    fn arrived(&self, op: &OpId, leaving: &Move, source: &State) -> Record {
        let state = match leaving {
            Move::Leaving { urns, whole: true, .. } => source.departing_whole(urns),
            Move::Leaving { urns, .. } => source.departing(urns),
            Move::Arrived { .. } | Move::Renamed { .. } => State::new(Lineage::default()),
        };
        Record::Arrived { op: op.clone(), from: self.stack.clone(), state: Box::new(state) }
    }

    fn run_end(&self) -> Record {
        Record::RunEnd(RunEnd::done(self.world.now_ms()))
    }

    /// Locks this stack and another one. Always in the order of their names, so that two who want both don't wait for each other.
    async fn open_both(&self, other: &str, command: &str, events: &Events) -> Result<(Side, Side), Error> {
        let is_first = self.stack.as_str() <= other;
        let (first, second) = if is_first { (self.stack.as_str(), other) } else { (other, self.stack.as_str()) };
        let first = self.open_side(first, command, events).await?;
        let second = match self.open_side(second, command, events).await {
            Ok(second) => second,
            Err(error) => return release(&first.journal, Err(error)).await,
        };
        Ok(if is_first { (first, second) } else { (second, first) })
    }

    async fn open_side(&self, stack: &str, command: &str, events: &Events) -> Result<Side, Error> {
        let journal = self.open_stack(stack, command, events).await?;
        Ok(Side { stack: stack.to_owned(), state: journal.state(), journal })
    }

    async fn state_of(&self, stack: &str) -> Result<Option<State>, Error> {
        Ok(self.store.read(&self.project.name, stack).await?)
    }
}

fn is_leaving(source: &State, op: &OpId) -> bool {
    matches!(source.moves.get(op), Some(Move::Leaving { .. }))
}

async fn arrived_at_last(op: &OpId, mut target: Side) -> Result<(), Error> {
    if target.state.moves.contains_key(op) {
        target.write(vec![Record::Settled { op: op.clone() }]).await?;
        target.seal().await?;
    }
    Ok(())
}

/// Gives both locks back, also when the move has failed.
async fn released(journals: [Arc<dyn Journal>; 2], result: Result<(), Error>) -> Result<(), Error> {
    let [first, second] = journals;
    release(&first, release(&second, result).await).await
}

/// Refuses a stack that has another name by now.
pub(crate) fn present(stack: &str, state: &State) -> Result<(), Error> {
    match state.renamed_to() {
        Some(to) => Err(Error::Renamed { stack: stack.to_owned(), to: to.to_owned() }),
        None => Ok(()),
    }
}

/// Refuses a state in which something is open.
pub(crate) fn open_ends(state: &State) -> Result<(), Error> {
    if !state.is_cut_off() {
        return Ok(());
    }
    let moving = state.moves.values().flat_map(|begun| match begun {
        Move::Leaving { urns, .. } => urns.keys().cloned().collect(),
        Move::Arrived { .. } | Move::Renamed { .. } => Vec::new(),
    });
    let urns = state.pending.values().map(|intent| intent.urn.clone()).chain(moving).collect();
    Err(Error::Open { urns })
}
