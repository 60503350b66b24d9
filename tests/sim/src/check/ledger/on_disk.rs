//! The ledger of a stack on a disk. Nothing shows from outside when a record becomes durable: what was acknowledged is, and of what was under way
//! when its process died, the first records may be.

use super::{
    super::{Breach, Invariant, breach, state::blank_record},
    Ledger,
};
use crate::scheduler::Pid;
use std::sync::Arc;
use terrane_core::{Record, State};

impl Ledger {
    /// Records are about to be written. What was offered before and is still in doubt stays so: its process writes nothing more.
    pub(in crate::check) fn offer(&mut self, records: &[Record]) {
        if self.doubt.is_empty() {
            self.doubt = records.iter().cloned().map(blank_record).collect();
        }
    }

    /// What was offered was not written: there was no space.
    pub(in crate::check) fn withdraw(&mut self) {
        self.doubt.clear();
    }

    /// Records are durable.
    pub(in crate::check) fn keep(&mut self, records: &[Record]) -> Result<(), Breach> {
        self.doubt.clear();
        self.add_all(records.iter().cloned().map(blank_record).collect())?;
        self.acknowledged = self.acknowledged.max(self.state.seq);
        Ok(())
    }

    /// A process has locked the stack: what it has seen of the records in doubt is there for good, and the rest never will be.
    pub(in crate::check) fn opened(&mut self, pid: Pid, seen: &State) -> Result<(), Breach> {
        self.holder = Some(("lock".to_owned(), pid));
        if self.records.is_empty() {
            self.state.lineage = seen.lineage.clone();
        }
        self.adopt(seen.seq)
    }

    /// Nothing can be lost any more: what was seen of the records in doubt is there.
    pub(in crate::check) fn adopt_seen(&mut self) -> Result<(), Breach> {
        if self.doubt.is_empty() { Ok(()) } else { self.adopt(self.read_seq) }
    }

    fn adopt(&mut self, seq: u64) -> Result<(), Breach> {
        let more = usize::try_from(seq.saturating_sub(self.state.seq)).unwrap_or(usize::MAX);
        let mut records = std::mem::take(&mut self.doubt);
        if more > records.len() {
            return breach(Invariant::I14, format!("record {seq} is there, and nobody wrote it"));
        }
        records.truncate(more);
        self.add_all(records)
    }

    pub(in crate::check) fn closed(&mut self, pid: Pid) {
        if self.holder() == Some(pid) {
            self.holder = None;
        }
    }

    fn add_all(&mut self, records: Vec<Record>) -> Result<(), Breach> {
        let added = records.into_iter().try_for_each(|record| self.add(record));
        self.states.entry(self.state.seq).or_insert_with(|| Arc::new(self.state.clone()));
        added
    }

    /// The state of a record that may be durable.
    pub(super) fn in_doubt(&self, seq: u64) -> Option<State> {
        let more = usize::try_from(seq.checked_sub(self.state.seq)?).ok().filter(|more| *more <= self.doubt.len())?;
        let mut state = self.state.clone();
        self.doubt[..more].iter().all(|record| state.apply(record).is_ok()).then_some(state)
    }
}
