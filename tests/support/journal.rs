//! A store that looks over the engine's shoulder: it writes commits between the cloud's calls, counts bytes, and can stop the world at a
//! commit, before or after it is durable.

use super::cloud::Cloud;
use async_trait::async_trait;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use terrane::{
    plan::Plan,
    state::{Record, State},
};
use terrane_state::{Error, Export, Held, Holder, Journal, MemoryStore, RestorePoint, Store, disk};
use tokio::sync::Notify;

/// When the world stops.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    Before(usize),
    After(usize),
    /// It goes on without the stack, which was taken from it.
    Lost(usize),
    /// It goes on without this commit, of which nothing was written.
    Refused(usize),
    /// It goes on without the stack, which another has taken just before this commit.
    Taken(usize),
    /// It goes on after this commit, which has taken the last room.
    Full(usize),
    /// It goes on after this commit, but may not change anything any more.
    Unpermitted(usize),
    /// It goes on, but can't show at first that it still may: not until it was asked so often.
    Stale(usize),
}

/// A store in memory that watches.
#[derive(Clone, Default)]
pub(crate) struct Watch {
    inner: MemoryStore,
    told: Option<Arc<Cloud>>,
    commits: Arc<AtomicUsize>,
    bytes: Arc<AtomicUsize>,
    permits: Arc<AtomicUsize>,
    reads: Arc<AtomicUsize>,
    /// How many journals were not given back.
    kept: Arc<AtomicUsize>,
    stop: Arc<Mutex<Option<Stop>>>,
    /// For how long nobody else can have begun a call.
    quiet: Duration,
    /// Told when the world has stopped.
    pub stopped: Arc<Notify>,
}

impl Watch {
    /// Writes each commit into the cloud's list of calls.
    pub(crate) fn telling(cloud: &Arc<Cloud>) -> Self {
        Self { told: Some(cloud.clone()), ..Self::default() }
    }

    /// Says that nobody else can have begun a call for so long.
    pub(crate) fn quiet_for(quiet: Duration) -> Self {
        Self { quiet, ..Self::default() }
    }

    /// Stops the world at a commit, counted from 1 and from now.
    pub(crate) fn stop(&self, at: Option<Stop>) {
        self.commits.store(0, Ordering::SeqCst);
        *self.stop.lock().unwrap() = at;
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::SeqCst)
    }

    /// How often a state was read.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// How many journals are open, or were dropped as by a killed process.
    pub(crate) fn kept(&self) -> usize {
        self.kept.load(Ordering::SeqCst)
    }

    async fn halt(&self) {
        self.stopped.notify_one();
        std::future::pending::<()>().await;
    }
}

#[async_trait]
impl Store for Watch {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    async fn stacks(&self, project: &str) -> Result<Vec<String>, Error> {
        self.inner.stacks(project).await
    }

    async fn read(&self, project: &str, stack: &str) -> Result<Option<State>, Error> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.read(project, stack).await
    }

    async fn open(&self, project: &str, stack: &str, holder: &Holder) -> Result<Arc<dyn Journal>, Error> {
        let journal = self.inner.open(project, stack, holder).await?;
        self.kept.fetch_add(1, Ordering::SeqCst);
        Ok(Arc::new(Watched { journal, watch: self.clone(), is_closed: AtomicBool::new(false) }))
    }

    async fn held(&self, project: &str, stack: &str) -> Result<Option<Held>, Error> {
        self.inner.held(project, stack).await
    }

    async fn unlock(&self, project: &str, stack: &str, holder: &Holder) -> Result<bool, Error> {
        self.inner.unlock(project, stack, holder).await
    }

    async fn restore_points(&self, project: &str, stack: &str) -> Result<Vec<RestorePoint>, Error> {
        self.inner.restore_points(project, stack).await
    }

    async fn read_at(&self, project: &str, stack: &str, seq: u64) -> Result<State, Error> {
        self.inner.read_at(project, stack, seq).await
    }

    async fn remove(&self, project: &str, stack: &str, holder: &Holder) -> Result<(), Error> {
        self.inner.remove(project, stack, holder).await
    }

    async fn seal_plan(&self, plan: &mut Plan) -> Result<(), Error> {
        self.inner.seal_plan(plan).await
    }

    async fn open_plan(&self, plan: &mut Plan) -> Result<(), Error> {
        self.inner.open_plan(plan).await
    }

    async fn seal_export(&self, project: &str, stack: &str, state: State) -> Result<Export, Error> {
        self.inner.seal_export(project, stack, state).await
    }

    async fn open_export(&self, export: Export) -> Result<State, Error> {
        self.inner.open_export(export).await
    }
}

struct Watched {
    journal: Arc<dyn Journal>,
    watch: Watch,
    is_closed: AtomicBool,
}

#[async_trait]
impl Journal for Watched {
    fn state(&self) -> State {
        self.journal.state()
    }

    fn quiet(&self) -> Duration {
        self.watch.quiet
    }

    fn permit(&self) -> Result<(), Error> {
        let asked = self.watch.permits.fetch_add(1, Ordering::SeqCst);
        let commits = self.watch.commits.load(Ordering::SeqCst);
        match *self.watch.stop.lock().unwrap() {
            Some(Stop::Unpermitted(after)) if commits >= after => Err(Error::LeaseLost { by: None }),
            Some(Stop::Stale(until)) if asked < until => Err(Error::LeaseStale { silent_ms: 21_000 }),
            _ => self.journal.permit(),
        }
    }

    async fn commit(&self, records: Vec<Record>) -> Result<(), Error> {
        let number = self.watch.commits.fetch_add(1, Ordering::SeqCst) + 1;
        let stop = *self.watch.stop.lock().unwrap();
        if matches!(stop, Some(Stop::Before(at)) if at == number) {
            self.watch.halt().await;
        }
        if matches!(stop, Some(Stop::Lost(at)) if at <= number) {
            return Err(Error::LeaseLost { by: None });
        }
        if matches!(stop, Some(Stop::Refused(at)) if at == number) {
            tokio::time::sleep(Duration::from_secs(6)).await;
            return Err(disk::Error::DiskFull { path: "memory".into() }.into());
        }
        if matches!(stop, Some(Stop::Taken(at)) if at == number) {
            return Err(Error::Locked { holder: None });
        }
        let bytes: usize = records.iter().map(|record| serde_json::to_vec(record).map_or(0, |bytes| bytes.len())).sum();
        self.watch.bytes.fetch_add(bytes, Ordering::SeqCst);
        // A real disk takes its time: what was not durable when a call began would show.
        tokio::task::yield_now().await;
        if let Some(cloud) = &self.watch.told {
            let told: Vec<String> = records.iter().filter_map(tell).collect();
            cloud.note(format!("commit {}", told.join(", ")));
        }
        self.journal.commit(records).await?;
        match stop {
            Some(Stop::After(at)) if at == number => self.watch.halt().await,
            Some(Stop::Full(at)) if at == number => return Err(Error::Full { place: self.watch.place() }),
            _ => {}
        }
        Ok(())
    }

    async fn seal(&self, state: &State) -> Result<(), Error> {
        self.journal.seal(state).await
    }

    async fn close(&self) -> Result<(), Error> {
        if !self.is_closed.swap(true, Ordering::SeqCst) {
            self.watch.kept.fetch_sub(1, Ordering::SeqCst);
        }
        self.journal.close().await
    }
}

fn tell(record: &Record) -> Option<String> {
    match record {
        Record::RunStart(_) => Some("start".to_owned()),
        Record::Intent(intent) => Some(format!("intent {} {}", intent.action.verb(), intent.urn.name())),
        Record::Done(_) => Some("done".to_owned()),
        Record::Failed(failed) => Some(format!("failed {:?}", failed.cut)),
        Record::Noted { urn, .. } => Some(format!("noted {}", urn.name())),
        Record::Moved { from, to } => Some(format!("moved {} to {}", from.name(), to.name())),
        Record::Forgotten { urn, .. } => Some(format!("forgotten {}", urn.name())),
        Record::Outputs { .. } => Some("outputs".to_owned()),
        Record::RunEnd(end) => Some(format!("end {}", end.result)),
        _ => None,
    }
}
