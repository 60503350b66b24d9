//! A store that looks over the journal's shoulder: it tells the checkers what a process was told.

use crate::{
    check::{Checkers, Invariant, Since},
    scheduler::Pid,
};
use async_trait::async_trait;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use terrane_core::{Plan, Record, State};
use terrane_state::{
    Error, Export, Held, Holder, Journal, RestorePoint, Store, World, disk,
    secrets::{KeyChange, WrappedKey},
};

/// A store that is watched.
pub struct Watch {
    store: Arc<dyn Store>,
    checkers: Checkers,
    pid: Pid,
    /// The world, where state is on a disk: that takes no time by itself, and what is acknowledged is all that can be seen from outside.
    disk: Option<Arc<dyn World>>,
    /// The stack that was read last, and what had to show.
    read: Mutex<Option<(String, Since)>>,
}

impl Watch {
    /// Watches what a process does with a store.
    pub fn new(store: Arc<dyn Store>, checkers: Checkers, pid: Pid, disk: Option<Arc<dyn World>>) -> Arc<Self> {
        Arc::new(Self { store, checkers, pid, disk, read: Mutex::default() })
    }

    fn last_read(&self) -> MutexGuard<'_, Option<(String, Since)>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
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
        let since = self.checkers.reads(stack);
        *self.last_read() = Some((stack.to_owned(), since));
        let state = self.store.read(project, stack).await?;
        self.checkers.has_read(stack, since, state.as_ref());
        Ok(state)
    }

    async fn open(&self, project: &str, stack: &str, holder: &Holder) -> Result<Arc<dyn Journal>, Error> {
        // A free stack may be opened with what this process has read of it just before: its first write fails if that is old.
        let read = self.last_read().take().filter(|(read, _)| read == stack);
        let since = read.map_or_else(|| self.checkers.reads(stack), |(_, since)| since);
        let journal = self.store.open(project, stack, &simulated(holder, self.pid)).await?;
        let (checkers, pid, disk) = (self.checkers.clone(), self.pid, self.disk.clone());
        checkers.has_read(stack, since, Some(&journal.state()));
        if disk.is_some() {
            checkers.opened(stack, pid, &journal.state());
        }
        Ok(Arc::new(Watched { journal, checkers, pid, disk, stack: stack.to_owned() }))
    }

    async fn held(&self, project: &str, stack: &str) -> Result<Option<Held>, Error> {
        self.store.held(project, stack).await
    }

    async fn unlock(&self, project: &str, stack: &str, holder: &Holder) -> Result<bool, Error> {
        self.store.unlock(project, stack, holder).await
    }

    async fn restore_points(&self, project: &str, stack: &str) -> Result<Vec<RestorePoint>, Error> {
        self.store.restore_points(project, stack).await
    }

    async fn read_at(&self, project: &str, stack: &str, seq: u64) -> Result<State, Error> {
        let state = self.store.read_at(project, stack, seq).await?;
        self.checkers.has_read(stack, Since::default(), Some(&state));
        if state.seq != seq {
            let text = format!("a reader asks for the state of record {seq} and sees that of record {}", state.seq);
            self.checkers.report(Invariant::I14, text);
        }
        Ok(state)
    }

    async fn remove(&self, project: &str, stack: &str, holder: &Holder) -> Result<(), Error> {
        self.store.remove(project, stack, &simulated(holder, self.pid)).await?;
        if self.disk.is_some() {
            self.checkers.removed(stack);
        }
        Ok(())
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

    async fn keys(&self, project: &str, stack: &str) -> Result<Option<WrappedKey>, Error> {
        self.store.keys(project, stack).await
    }

    async fn copy_keys(&self, project: &str, from: &str, to: &str) -> Result<(), Error> {
        self.store.copy_keys(project, from, to).await
    }
}

struct Watched {
    journal: Arc<dyn Journal>,
    checkers: Checkers,
    pid: Pid,
    disk: Option<Arc<dyn World>>,
    stack: String,
}

/// How long a disk takes, at most, in milliseconds.
const DISK_MS: u64 = 20;

impl Drop for Watched {
    fn drop(&mut self) {
        self.closed();
    }
}

impl Watched {
    /// Says beforehand what is about to be written to a disk, which then takes its time.
    async fn offer(&self, records: &[Record]) {
        if self.disk.is_some() {
            self.checkers.offered(&self.stack, records);
            self.pause().await;
        }
    }

    /// The lock on the disk is given up.
    fn closed(&self) {
        if self.disk.is_some() {
            self.checkers.closed(&self.stack, self.pid);
        }
    }

    async fn pause(&self) {
        if let Some(world) = &self.disk {
            world.sleep(Duration::from_millis(1 + world.random() % DISK_MS)).await;
        }
    }

    /// Tells the checkers what became of records.
    fn tell(&self, since: usize, records: &[Record], result: Result<(), Error>) -> Result<(), Error> {
        match &result {
            // A disk that is full has kept them nevertheless, in its reserve.
            Ok(()) | Err(Error::Full { .. }) if self.disk.is_some() => {
                self.checkers.kept(&self.stack, self.pid, records);
            }
            Err(Error::Disk(disk::Error::DiskFull { .. })) => self.checkers.withdrawn(&self.stack),
            Ok(()) => self.checkers.acknowledged(&self.stack, since, records),
            Err(Error::Locked { .. } | Error::S3(terrane_state::s3::Error::NotWritten { .. })) => {
                self.checkers.denied(&self.stack, since, records);
            }
            Err(Error::LeaseLost { .. }) => self.checkers.lost(&self.stack, self.pid, records),
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

    fn quiet(&self) -> Duration {
        self.journal.quiet()
    }

    async fn commit(&self, records: Vec<Record>) -> Result<(), Error> {
        let since = self.checkers.commits(&self.stack);
        self.offer(&records).await;
        let committed = self.journal.commit(records.clone()).await;
        self.pause().await;
        self.tell(since, &records, committed)
    }

    async fn finish(&self, records: Vec<Record>, state: &State) -> Result<(), Error> {
        let since = self.checkers.commits(&self.stack);
        self.offer(&records).await;
        let finished = self.journal.finish(records.clone(), state).await;
        if finished.is_ok() {
            self.tell(since, &records, Ok(()))?;
            self.closed();
            return Ok(());
        }
        self.tell(since, &records, finished)
    }

    async fn change_keys(&self, change: &KeyChange) -> Result<WrappedKey, Error> {
        self.journal.change_keys(change).await
    }

    async fn seal(&self, state: &State) -> Result<(), Error> {
        self.journal.seal(state).await
    }

    async fn close(&self) -> Result<(), Error> {
        let closed = self.journal.close().await;
        self.closed();
        closed
    }
}
