//! How records become state, and which records can't follow which.

use super::{Action, Cut, Done, Failed, HISTORY_MAX, Instance, Intent, Move, OpId, Record, Run, State};
use crate::{
    Urn,
    planted::{Bug, planted},
};
use std::sync::Arc;

/// A record that contradicts the records before it. It is found before it is written, or refused when it is read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Corrupt {
    /// An end without a beginning.
    #[error("operation {0} ends without having begun")]
    NoIntent(OpId),
    /// A beginning twice.
    #[error("operation {0} begins twice")]
    Twice(OpId),
    /// A generation that was drawn before.
    #[error("operation {op} draws generation {drawn}, but the counter stands at {counter}")]
    OldGeneration {
        /// The operation.
        op: OpId,
        /// What it drew.
        drawn: u64,
        /// What had been drawn already.
        counter: u64,
    },
    /// A change of an object that isn't there.
    #[error("{0} has no object to work on")]
    NoObject(Urn),
    /// Two objects under one URN.
    #[error("{0} exists already")]
    Exists(Urn),
    /// Something else is still under way with a resource that is to move, or with the move itself.
    #[error("{0} is in the middle of a move or of an operation")]
    Busy(Urn),
    /// A provider that no record names.
    #[error("{urn} belongs to provider {key}, which no record names")]
    NoProvider {
        /// The resource.
        urn: Urn,
        /// The key.
        key: String,
    },
}

impl State {
    /// Applies one record.
    ///
    /// # Errors
    /// When the record contradicts what was applied before; the state is unchanged then.
    pub fn apply(&mut self, record: &Record) -> Result<(), Corrupt> {
        match record {
            Record::RunStart(start) => {
                self.runs.push(Run { start: start.clone(), end: None });
                let surplus = self.runs.len().saturating_sub(HISTORY_MAX);
                self.runs.drain(..surplus);
            }
            Record::Provider { key, provider } => {
                self.providers.insert(key.clone(), provider.clone());
            }
            Record::Intent(intent) => self.begin(intent)?,
            Record::Done(done) | Record::Adopted(done) => self.finish(done)?,
            Record::Failed(failed) => self.fail(failed)?,
            Record::Observed { urn, inputs, outputs } => {
                let instance = self.edit(urn)?;
                (instance.inputs, instance.outputs) = (inputs.clone(), outputs.clone());
            }
            Record::Noted { urn, provider, dependencies, kept, site } => {
                let instance = self.edit(urn)?;
                instance.provider.clone_from(provider);
                instance.dependencies.clone_from(dependencies);
                instance.kept.clone_from(kept);
                instance.site.clone_from(site);
            }
            Record::Moved { from, to } => self.rename(from, to)?,
            Record::Forgotten { urn, op } => self.remove(urn, op)?,
            Record::Restored { state } => self.restore(state),
            Record::Leaving { op, generation, to, urns, whole } => {
                let leaving = Move::Leaving { to: to.clone(), urns: urns.clone(), whole: *whole };
                self.prepare_move(op, *generation, urns)?;
                self.moves.insert(op.clone(), leaving);
            }
            Record::Arrived { op, from, state } => self.arrive(op, from, state)?,
            Record::Settled { op } => self.settle(op)?,
            Record::Stayed { op } => drop(self.end_move(op)?),
            Record::Outputs { exports } => self.exports = exports.clone(),
            Record::KeyRotate { .. } => {}
            Record::RunEnd(end) => {
                for (key, took) in &end.took_ms {
                    self.took_ms.insert(key.clone(), *took);
                }
                if let Some(run) = self.runs.last_mut() {
                    run.end = Some(super::RunEnd { took_ms: Vec::new(), ..end.clone() });
                }
            }
        }
        self.seq += 1;
        Ok(())
    }

    /// Applies records one after another.
    ///
    /// # Errors
    /// When one contradicts what was applied before; those before it have been applied then.
    pub fn apply_all<'r>(&mut self, records: impl IntoIterator<Item = &'r Record>) -> Result<(), Corrupt> {
        records.into_iter().try_for_each(|record| self.apply(record))
    }

    /// Takes what another state consists of. What must never go back stays: lineage, sequence, the counter of generations, the history,
    /// moves that are under way.
    fn restore(&mut self, state: &State) {
        let generation = self.generation.max(state.generation);
        let (lineage, runs) = (std::mem::take(&mut self.lineage), std::mem::take(&mut self.runs));
        let moves = std::mem::take(&mut self.moves);
        *self = State { lineage, seq: self.seq, generation, runs, moves, ..state.clone() };
    }

    fn begin(&mut self, intent: &Intent) -> Result<(), Corrupt> {
        let op = &intent.op;
        if self.pending.contains_key(op) {
            return Err(Corrupt::Twice(op.clone()));
        }
        if intent.generation <= self.generation {
            let (drawn, counter) = (intent.generation, self.generation);
            return Err(Corrupt::OldGeneration { op: op.clone(), drawn, counter });
        }
        if self.is_leaving(&intent.urn) {
            return Err(Corrupt::Busy(intent.urn.clone()));
        }
        let target = intent.target.as_ref();
        if target.is_some_and(|target| !self.owns(&intent.urn, target)) {
            return Err(Corrupt::NoObject(intent.urn.clone()));
        }
        if !self.providers.contains_key(&intent.provider) {
            return Err(Corrupt::NoProvider { urn: intent.urn.clone(), key: intent.provider.clone() });
        }
        self.generation = intent.generation;
        self.pending.insert(op.clone(), intent.clone());
        Ok(())
    }

    fn owns(&self, urn: &Urn, op: &OpId) -> bool {
        self.live.get(urn).is_some_and(|live| live.op == *op) || self.condemned.contains_key(op)
    }

    fn finish(&mut self, done: &Done) -> Result<(), Corrupt> {
        let intent = self.pending.remove(&done.op).ok_or_else(|| Corrupt::NoIntent(done.op.clone()))?;
        match intent.action {
            Action::Create | Action::Import => {
                let former = self.live.insert(intent.urn.clone(), Arc::new(made(intent, done)));
                self.condemned.extend(former.map(|former| (former.op.clone(), former)));
            }
            Action::Update => {
                let instance = self.edit(&intent.urn)?;
                instance.provider = intent.provider;
                (instance.inputs, instance.outputs) = (intent.inputs, done.outputs.clone());
                (instance.dependencies, instance.kept, instance.site) = (intent.dependencies, intent.kept, intent.site);
                (instance.unsettled, instance.modified_ms) = (done.unsettled, done.at_ms);
            }
            Action::Delete => self.remove(&intent.urn, intent.target.as_ref().unwrap_or(&done.op))?,
        }
        Ok(())
    }

    fn fail(&mut self, failed: &Failed) -> Result<(), Corrupt> {
        let intent = self.pending.get_mut(&failed.op).ok_or_else(|| Corrupt::NoIntent(failed.op.clone()))?;
        let (urn, action) = (intent.urn.clone(), intent.action);
        intent.cut_ms = Some(failed.at_ms);
        if failed.cut != Cut::Unknown && !planted(Bug::FailureLeavesOperationOpen) {
            self.pending.remove(&failed.op);
        }
        if failed.cut != Cut::NotApplied && action == Action::Update && !planted(Bug::CutOffUpdateForgotten) {
            // What the object looks like is no longer what state says: the next run brings it in line, nothing has to be found.
            self.edit(&urn)?.unsettled = true;
        }
        Ok(())
    }

    fn edit(&mut self, urn: &Urn) -> Result<&mut Instance, Corrupt> {
        self.live.get_mut(urn).map(Arc::make_mut).ok_or_else(|| Corrupt::NoObject(urn.clone()))
    }

    fn remove(&mut self, urn: &Urn, op: &OpId) -> Result<(), Corrupt> {
        if (self.condemned.contains_key(op) && planted(Bug::DeletedObjectKept)) || self.condemned.remove(op).is_some() {
            return Ok(());
        }
        match self.live.get(urn) {
            Some(live) if live.op == *op => {
                self.live.remove(urn);
                Ok(())
            }
            _ => Err(Corrupt::NoObject(urn.clone())),
        }
    }

    fn rename(&mut self, from: &Urn, to: &Urn) -> Result<(), Corrupt> {
        if self.live.contains_key(to) {
            return Err(Corrupt::Exists(to.clone()));
        }
        let mut instance = self.live.remove(from).ok_or_else(|| Corrupt::NoObject(from.clone()))?;
        Arc::make_mut(&mut instance).urn = to.clone();
        self.live.insert(to.clone(), instance);
        let all = self.live.values_mut().chain(self.condemned.values_mut());
        for instance in all.filter(|instance| instance.dependencies.contains(from)) {
            let dependencies = &mut Arc::make_mut(instance).dependencies;
            dependencies.remove(from);
            dependencies.insert(to.clone());
        }
        Ok(())
    }
}

fn made(intent: Intent, done: &Done) -> Instance {
    Instance {
        urn: intent.urn,
        op: intent.op,
        provider: intent.provider,
        inputs: intent.inputs,
        outputs: done.outputs.clone(),
        dependencies: intent.dependencies,
        kept: intent.kept,
        site: intent.site,
        unsettled: done.unsettled,
        created_ms: done.at_ms,
        modified_ms: done.at_ms,
    }
}
