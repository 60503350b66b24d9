//! Replication of a bucket to another region's: a durable queue, and a task that works it off.
//!
//! # Flow
//! A write puts a marker into the queue before its version appears, and the marker goes only after the peer has the version, so
//! an agent that is killed loses nothing. The peer's agent is asked over its control socket to copy the object's file into its own
//! bucket: both run on one machine and under one user, so this needs neither an S3 client nor credentials, and the peer applies
//! it under its own locks, in one rename.
//!
//! # Guarantees
//! The peer ends with the current version of every key written here. A replica is marked as such in its attributes and never
//! queued, so two buckets can replicate to each other; of two versions the later one wins on both sides.
//!
//! # Caveats
//! Deletes aren't replicated, as in S3 by default. Versions that were overwritten while they waited are skipped.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::backoff::Backoff;
use super::bucket::{Attributes, Observer, Store, StoreError, key_of, path_of};
use super::folder::Folder;
use super::logs;
use super::partition::{Partition, run_blocking};
use super::slots::lock;
use crate::client::Client;
use crate::spec::{ReplicationFault, ReplicationOrder, ReplicationRule};
use crate::status::ReplicationStatus;
use crate::wire::Replica;

/// How long the peer may take to copy one object.
const COPY_LIMIT: Duration = Duration::from_secs(120);

/// How often a cut is looked at again.
const CUT_INTERVAL: Duration = Duration::from_millis(100);

/// The queues of all replication rules, by bucket. Told by the store of each new version.
#[derive(Default)]
pub(crate) struct Queues(Mutex<HashMap<String, Vec<Arc<Queue>>>>);

impl Observer for Queues {
    fn will_appear(&self, bucket: &str, key: &str, attributes: &Attributes) -> io::Result<()> {
        if attributes.replica_of.is_some() {
            return Ok(());
        }
        let queues = lock(&self.0).get(bucket).cloned().unwrap_or_default();
        queues.iter().try_for_each(|queue| queue.push(key, attributes.version()))
    }
}

impl Queues {
    fn add(&self, bucket: &str, queue: &Arc<Queue>) {
        lock(&self.0).entry(bucket.to_owned()).or_default().push(Arc::clone(queue));
    }

    fn remove(&self, bucket: &str, queue: &Arc<Queue>) {
        if let Some(queues) = lock(&self.0).get_mut(bucket) {
            queues.retain(|other| !Arc::ptr_eq(other, queue));
        }
    }
}

/// The keys that wait to be replicated by one rule.
pub(crate) struct Queue {
    /// Holds one empty file for each waiting key.
    folder: PathBuf,
    pending: Mutex<BTreeMap<String, Pending>>,
    changed: Notify,
}

#[derive(Clone, PartialEq)]
struct Pending {
    /// When the key began to wait. A later version does not begin anew, or a busy key would never be copied.
    since: SystemTime,
    /// The latest version queued; unknown after a restart of the agent.
    version: Option<(u64, String)>,
}

/// What a queue has to do next.
enum Next {
    Copy(String),
    Wait(Option<Duration>),
}

impl Queue {
    /// Opens a queue with what an earlier agent has left in it.
    fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let mut pending = BTreeMap::new();
        let mut folders = vec![folder.clone()];
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Some(key) = key_of(&folder, &path) {
                    let since = fs::metadata(&path)?.modified()?;
                    pending.insert(key, Pending { since, version: None });
                }
            }
        }
        Ok(Self { folder, pending: Mutex::new(pending), changed: Notify::new() })
    }

    fn push(&self, key: &str, version: (u64, &str)) -> io::Result<()> {
        let marker = path_of(&self.folder, key);
        let is_new = !lock(&self.pending).contains_key(key);
        if is_new {
            if let Some(parent) = marker.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(&marker, "")?;
        }
        let version = Some((version.0, version.1.to_owned()));
        let mut pending = lock(&self.pending);
        let since = pending.get(key).map_or_else(SystemTime::now, |waiting| waiting.since);
        pending.insert(key.to_owned(), Pending { since, version });
        drop(pending);
        self.changed.notify_one();
        Ok(())
    }

    fn get(&self, key: &str) -> Option<Pending> {
        lock(&self.pending).get(key).cloned()
    }

    /// Takes a key out, unless another version has been queued meanwhile. The key must be locked.
    fn settle(&self, key: &str, copied: &Pending) -> io::Result<()> {
        let mut pending = lock(&self.pending);
        if pending.get(key) == Some(copied) {
            pending.remove(key);
            fs::remove_file(path_of(&self.folder, key))?;
        }
        Ok(())
    }

    fn next(&self, fault: &ReplicationFault) -> Next {
        let pending = lock(&self.pending);
        let lag = Duration::from_millis(fault.lag_ms);
        let left = |waiting: &Pending| lag.saturating_sub(waiting.since.elapsed().unwrap_or_default());
        if let ReplicationOrder::PointersFirst { names } = &fault.order
            && let Some(key) = pending.keys().find(|key| names.iter().any(|name| is_pointer(key, name)))
        {
            return Next::Copy(key.clone());
        }
        let due: Vec<&String> =
            pending.iter().filter(|(_, waiting)| left(waiting).is_zero()).map(|(key, _)| key).collect();
        match fastrand::choice(due) {
            Some(key) => Next::Copy(key.clone()),
            None => Next::Wait(pending.values().map(left).min()),
        }
    }
}

fn is_pointer(key: &str, name: &str) -> bool {
    key.rsplit('/').next() == Some(name)
}

/// A replication rule at work.
pub(crate) struct Replicator {
    rule: ReplicationRule,
    queue: Arc<Queue>,
    fault: watch::Sender<ReplicationFault>,
    error: Arc<Mutex<Option<String>>>,
    partition: Arc<Partition>,
    task: JoinHandle<()>,
}

/// The bucket that a rule copies from.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) region: String,
    pub(crate) bucket: String,
    pub(crate) folder: Folder,
    pub(crate) store: Arc<Store>,
    pub(crate) queues: Arc<Queues>,
    pub(crate) partition: Arc<Partition>,
}

impl Replicator {
    /// Starts a rule.
    pub(crate) fn start(source: Source, rule: ReplicationRule, fault: ReplicationFault) -> io::Result<Self> {
        let queue = Arc::new(Queue::open(source.folder.replication_queue(&source.bucket, &rule.peer))?);
        source.queues.add(&source.bucket, &queue);
        let (sender, receiver) = watch::channel(fault);
        let error = Arc::new(Mutex::new(None));
        let partition = Arc::clone(&source.partition);
        let work =
            Work { source, rule: rule.clone(), queue: Arc::clone(&queue), fault: receiver, error: Arc::clone(&error) };
        Ok(Self { rule, queue, fault: sender, error, partition, task: tokio::spawn(work.run()) })
    }

    /// Queues everything that is in the bucket, except replicas. Blocking.
    pub(crate) fn queue_existing(&self, source: &Source) -> Result<(), StoreError> {
        for (key, _) in source.store.keys(&source.bucket)? {
            source.store.with_key(&source.bucket, &key, || match source.store.version(&source.bucket, &key) {
                Ok(found) if found.attributes.replica_of.is_none() => {
                    Ok(self.queue.push(&key, found.attributes.version())?)
                }
                Ok(_) | Err(StoreError::NoSuchKey) => Ok(()),
                Err(error) => Err(error),
            })?;
        }
        Ok(())
    }

    pub(crate) fn rule(&self) -> &ReplicationRule {
        &self.rule
    }

    pub(crate) fn set_fault(&self, fault: ReplicationFault) {
        self.fault.send_replace(fault);
    }

    /// Ends the rule. What waits in its queue stays there for a rule of the same name.
    pub(crate) async fn stop(self, source: &Source) {
        source.queues.remove(&source.bucket, &self.queue);
        self.task.abort();
        let _ = self.task.await;
    }

    pub(crate) fn status(&self) -> ReplicationStatus {
        let fault = self.fault.borrow();
        let pending = lock(&self.queue.pending);
        let oldest = pending.values().map(|waiting| waiting.since.elapsed().unwrap_or_default()).max();
        ReplicationStatus {
            pending: pending.len() as u64,
            oldest_pending_ms: oldest.and_then(|age| u64::try_from(age.as_millis()).ok()),
            last_error: lock(&self.error).clone(),
            lag_ms: fault.lag_ms,
            cut: fault.cut || self.partition.is_cut_from(&self.rule.peer),
        }
    }
}

/// The task of a rule.
struct Work {
    source: Source,
    rule: ReplicationRule,
    queue: Arc<Queue>,
    fault: watch::Receiver<ReplicationFault>,
    error: Arc<Mutex<Option<String>>>,
}

impl Work {
    async fn run(mut self) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        loop {
            let fault = self.fault.borrow_and_update().clone();
            if fault.cut || self.source.partition.is_cut_from(&self.rule.peer) {
                sleep(CUT_INTERVAL).await;
                continue;
            }
            match self.queue.next(&fault) {
                Next::Copy(key) => match self.copy(key).await {
                    Ok(()) => {
                        backoff.reset();
                        *lock(&self.error) = None;
                    }
                    Err(error) => {
                        *lock(&self.error) = Some(error);
                        sleep(backoff.next()).await;
                    }
                },
                Next::Wait(left) => self.wait(left).await,
            }
        }
    }

    /// Waits until the next key is due, another one comes, or the fault changes.
    async fn wait(&mut self, left: Option<Duration>) {
        let due = async {
            match left {
                Some(left) => sleep(left).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => {}
            () = self.queue.changed.notified() => {}
            _ = self.fault.changed() => {}
        }
    }

    async fn copy(&self, key: String) -> Result<(), String> {
        let (source, queue, name) = (self.source.clone(), Arc::clone(&self.queue), key.clone());
        // Under the key's lock the queued version has appeared, so the peer copies that one or a later one.
        let look = move || {
            source.store.with_key(&source.bucket, &name, || {
                let exists = source.store.version(&source.bucket, &name).is_ok();
                (queue.get(&name), exists, source.store.file(&source.bucket, &name))
            })
        };
        let looked = run_blocking(look).await;
        let Some((Some(pending), exists, Ok(file))) = looked else { return Ok(()) };
        if exists {
            let replica = Replica {
                origin: self.source.region.clone(),
                bucket: self.rule.bucket.clone(),
                key: key.clone(),
                file,
            };
            self.send(replica).await?;
        }
        let (source, queue) = (self.source.clone(), Arc::clone(&self.queue));
        let settle = move || source.store.with_key(&source.bucket, &key, || queue.settle(&key, &pending));
        run_blocking(settle).await.unwrap_or(Ok(())).map_err(|error| error.to_string())
    }

    async fn send(&self, replica: Replica) -> Result<(), String> {
        let exchange = async {
            let mut client = Client::connect(&self.rule.peer_folder).await.map_err(|error| error.to_string())?;
            client.replicate(replica).await.map_err(|error| error.to_string())
        };
        let result = timeout(COPY_LIMIT, exchange).await;
        let result = result
            .unwrap_or_else(|_| Err(format!("{} did not take it within {} s", self.rule.peer, COPY_LIMIT.as_secs())));
        result.inspect_err(|error| {
            logs::note(&format!("replication of {} to {}: {error}", self.source.bucket, self.rule.peer));
        })
    }
}
