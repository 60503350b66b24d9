//! A store that looks over the journal's shoulder: it tells the checkers what a process was told.

use crate::{check::Checkers, scheduler::Pid};
use async_trait::async_trait;
use std::sync::Arc;
use terrane_core::{Plan, Record, State};
use terrane_state::{Error, Export, Held, Holder, Journal, RestorePoint, Store};

/// A store that is watched.
pub struct Watch {
    store: Arc<dyn Store>,
    checkers: Checkers,
    pid: Pid,
}

impl Watch {
    /// Watches what a process does with a store.
    pub fn new(store: Arc<dyn Store>, checkers: Checkers, pid: Pid) -> Arc<Self> {
        Arc::new(Self { store, checkers, pid })
    }
}

/// The holder as the simulated process is; the real process is the same for all of them, and another one in each run.
fn simulated(holder: &Holder, pid: Pid) -> Holder {
    Holder { pid: pid.0, pid_start: None, since: jiff::Timestamp::UNIX_EPOCH, ..holder.clone() }
}

#[async_trait]
impl Store for Watch {
    fn place(&self) -> String {
        self.store.place()
    }

    async fn stacks(&self, project: &str) -> Result<Vec<String>, Error> {
        self.store.stacks(project).await
    }

    async fn read(&self, project: &str, stack: &str) -> Result<Option<State>, Error> {
        let since = self.checkers.reads();
        let state = self.store.read(project, stack).await?;
        self.checkers.has_read(since, state.as_ref());
        Ok(state)
    }

    async fn open(&self, project: &str, stack: &str, holder: &Holder) -> Result<Arc<dyn Journal>, Error> {
        let since = self.checkers.reads();
        let journal = self.store.open(project, stack, &simulated(holder, self.pid)).await?;
        self.checkers.has_read(since, Some(&journal.state()));
        Ok(Arc::new(Watched { journal, checkers: self.checkers.clone(), pid: self.pid }))
    }

    async fn held(&self, project: &str, stack: &str) -> Result<Option<Held>, Error> {
        self.store.held(project, stack).await
    }

    async fn unlock(&self, project: &str, stack: &str, by: &Holder) -> Result<Option<Holder>, Error> {
        self.store.unlock(project, stack, &simulated(by, self.pid)).await
    }

    async fn restore_points(&self, project: &str, stack: &str) -> Result<Vec<RestorePoint>, Error> {
        self.store.restore_points(project, stack).await
    }

    async fn read_at(&self, project: &str, stack: &str, seq: u64) -> Result<State, Error> {
        let state = self.store.read_at(project, stack, seq).await?;
        self.checkers.has_read(0, Some(&state));
        Ok(state)
    }

    async fn remove(&self, project: &str, stack: &str, holder: &Holder) -> Result<(), Error> {
        self.store.remove(project, stack, &simulated(holder, self.pid)).await
    }

    async fn seal_plan(&self, plan: &mut Plan) -> Result<(), Error> {
        self.store.seal_plan(plan).await
    }

    async fn open_plan(&self, plan: &mut Plan) -> Result<(), Error> {
        self.store.open_plan(plan).await
    }

    async fn seal_export(&self, project: &str, stack: &str, state: State) -> Result<Export, Error> {
        self.store.seal_export(project, stack, state).await
    }

    async fn open_export(&self, export: Export) -> Result<State, Error> {
        self.store.open_export(export).await
    }
}

struct Watched {
    journal: Arc<dyn Journal>,
    checkers: Checkers,
    pid: Pid,
}

impl Watched {
    /// Tells the checkers what became of records.
    fn tell(&self, since: usize, records: &[Record], result: Result<(), Error>) -> Result<(), Error> {
        match &result {
            Ok(()) => self.checkers.acknowledged(since, records),
            Err(Error::Locked { .. } | Error::S3(terrane_state::s3::Error::NotWritten { .. })) => {
                self.checkers.denied(since, records);
            }
            Err(Error::LeaseLost { .. }) => self.checkers.lost(self.pid, records),
            Err(_) => {}
        }
        result
    }
}

#[async_trait]
impl Journal for Watched {
    fn state(&self) -> State {
        self.journal.state()
    }

    fn permit(&self) -> Result<(), Error> {
        self.journal.permit()
    }

    async fn commit(&self, records: Vec<Record>) -> Result<(), Error> {
        let since = self.checkers.commits();
        let committed = self.journal.commit(records.clone()).await;
        self.tell(since, &records, committed)
    }

    async fn finish(&self, records: Vec<Record>, state: &State) -> Result<(), Error> {
        let since = self.checkers.commits();
        let finished = self.journal.finish(records.clone(), state).await;
        self.tell(since, &records, finished)
    }

    async fn seal(&self, state: &State) -> Result<(), Error> {
        self.journal.seal(state).await
    }

    async fn close(&self) -> Result<(), Error> {
        self.journal.close().await
    }
}
