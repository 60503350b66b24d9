//! The commit that is in flight: what it carries, and what becomes of that when it fails.
//!
//! A commit that fails for certain leaves a hole. Records that were gathered meanwhile may rest on those that are missing, all but the ends of
//! calls whose intents are durable: these go into another commit, at once and then whenever more of them have come, and nothing else does.

use super::{Execution, task::Begun};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use terrane_core::{
    Record,
    failpoint::{Point, reach},
    planted::{Bug, planted},
};
use terrane_state::{Error as StateError, Journal};

pub(super) type Commit<'a> = BoxFuture<'a, Result<(), StateError>>;

/// What a commit carries that is not over with it.
#[derive(Default)]
pub(super) struct Carried {
    /// Calls whose intents are in it.
    begun: Vec<Begun>,
    /// The ends of calls.
    ends: Vec<Record>,
}

impl Carried {
    /// How many calls start when it is durable.
    pub(super) fn len(&self) -> usize {
        self.begun.len()
    }

    /// Takes the calls that start when it is durable.
    pub(super) fn take_begun(&mut self) -> Vec<Begun> {
        std::mem::take(&mut self.begun)
    }
}

impl Execution<'_> {
    /// The records of the next commit.
    pub(super) fn gathered(&mut self) -> Vec<Record> {
        let is_late = |record: &Record| planted(Bug::DependentBeforeDoneIsDurable) && matches!(record, Record::Done(_));
        let records = if self.batch.iter().all(is_late) {
            std::mem::take(&mut self.batch)
        } else {
            self.batch.extract_if(.., |record| !is_late(record)).collect()
        };
        let ends = records.iter().filter(|record| is_end(record)).cloned().collect();
        self.committing = Carried { begun: std::mem::take(&mut self.begun), ends };
        self.tally.writes();
        records
    }

    /// The calls whose intents are durable now may start.
    pub(super) fn committed(&mut self, result: Result<(), StateError>) {
        self.tally.wrote(&result);
        let carried = std::mem::take(&mut self.committing);
        let Err(error) = result else { return self.stage(carried) };
        // Without a journal nothing more may start; what runs is finished, and its end is recorded if the journal comes back.
        self.stopping = true;
        let begun = self.begun.drain(..).map(|begun| begun.intent.urn);
        self.tally.not_started.extend(begun.chain(carried.begun.iter().map(|begun| begun.intent.urn.clone())));
        self.batch.retain(is_end);
        match &error {
            StateError::Full { .. } => self.stage(carried),
            error if error.is_unwritten() => {
                self.held_back = Some(self.held_back.map_or(0, |_| carried.ends.len()));
                self.batch.splice(0..0, carried.ends);
            }
            // What may be durable and may not is for the next run to find out.
            _ => {}
        }
        self.tally.journal_failed(error);
    }

    /// What is durable may start, or is taken back where nothing may.
    fn stage(&mut self, carried: Carried) {
        for begun in carried.begun {
            self.staged.put(self.queue.weight(begun.task), begun);
        }
    }
}

fn is_end(record: &Record) -> bool {
    matches!(record, Record::Done(_) | Record::Failed(_))
}

/// One write of the journal.
pub(super) async fn write(journal: &Arc<dyn Journal>, records: Vec<Record>) -> Result<(), StateError> {
    let intends = records.iter().any(|record| matches!(record, Record::Intent(_)));
    let ends = records.iter().any(|record| matches!(record, Record::Done(_)));
    let pass = |intent, done| {
        intends.then(|| reach(intent));
        ends.then(|| reach(done));
    };
    pass(Point::BeforeIntentCommit, Point::BeforeDoneCommit);
    journal.commit(records).await?;
    pass(Point::AfterIntentCommit, Point::AfterDoneCommit);
    Ok(())
}
