//! The region's object storage as a whole: the S3 endpoint, the buckets, and their replication rules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::Mutex;

use super::bucket::{Endpoint, Store, StoreError};
use super::desired::DesiredFile;
use super::error::{Error, Result};
use super::folder::{Folder, check_absolute, check_name, remove_folder_if_there};
use super::partition::{Partition, run_blocking};
use super::ports;
use super::replication::{Queues, Replicator, Source};
use super::slots::Slots;
use crate::spec::{BucketSpec, Change, Data, EndpointSpec, ReplicationFault, ReplicationRule};
use crate::status::{BucketStatus, EndpointStatus};
use crate::wire::Replica;

/// The one slot of the endpoint.
const ENDPOINT: &str = "s3";

/// All buckets of a region.
pub(crate) struct Buckets {
    region: String,
    folder: Folder,
    desired: Arc<DesiredFile>,
    partition: Arc<Partition>,
    store: Arc<Store>,
    queues: Arc<Queues>,
    endpoint: Slots<Endpoint>,
    /// The rules of each bucket, by peer. Held through each change of a bucket.
    replicators: Mutex<BTreeMap<String, BTreeMap<String, Replicator>>>,
}

impl Buckets {
    pub(crate) fn new(
        region: &str,
        folder: Folder,
        desired: Arc<DesiredFile>,
        partition: Arc<Partition>,
    ) -> Result<Self> {
        let queues = Arc::new(Queues::default());
        let observer = Arc::clone(&queues);
        let root = folder.buckets();
        let store = Store::open(root.clone(), observer).map_err(Error::file("open", &root))?;
        Ok(Self {
            region: region.to_owned(),
            folder,
            desired,
            partition,
            store: Arc::new(store),
            queues,
            endpoint: Slots::default(),
            replicators: Mutex::default(),
        })
    }

    /// Brings back everything that is desired: the rules first, so that no write escapes them.
    pub(crate) async fn restore(&self) -> Result<()> {
        let desired = self.desired.snapshot();
        for (name, spec) in &desired.buckets {
            self.create_folder(name)?;
            self.set_rules(name, &spec.replication).await?;
        }
        if let Some(spec) = desired.endpoint {
            let endpoint = Endpoint::restore(spec, Arc::clone(&self.store), Arc::clone(&self.partition)).await;
            self.endpoint.slot(ENDPOINT).set(Some(endpoint));
        }
        Ok(())
    }

    pub(crate) async fn put_endpoint(&self, spec: EndpointSpec) -> Result<Change> {
        if spec.access_key.is_empty() || spec.secret_key.is_empty() {
            return Err(Error::Invalid("the S3 endpoint needs an access key and a secret key".to_owned()));
        }
        let slot = self.endpoint.slot(ENDPOINT);
        let _change = slot.change.lock().await;
        let known = self.desired.read(|desired| desired.endpoint.clone());
        if known.as_ref() == Some(&spec) && slot.get().is_some() {
            return Ok(Change::Unchanged);
        }
        ports::check_free(spec.listen, &BTreeSet::from([std::process::id()]))?;
        self.desired.change(|desired| desired.endpoint = Some(spec.clone()))?;
        if let Some(old) = slot.set(None) {
            old.stop().await;
        }
        match Endpoint::start(spec, Arc::clone(&self.store), Arc::clone(&self.partition)).await {
            Ok(endpoint) => {
                slot.set(Some(endpoint));
                Ok(if known.is_some() { Change::Replaced } else { Change::Created })
            }
            Err(error) => {
                self.desired.change(|desired| desired.endpoint = None)?;
                Err(error)
            }
        }
    }

    pub(crate) async fn remove_endpoint(&self) -> Result<Change> {
        let slot = self.endpoint.slot(ENDPOINT);
        let _change = slot.change.lock().await;
        self.desired.change(|desired| desired.endpoint = None)?;
        let Some(old) = slot.set(None) else { return Ok(Change::Absent) };
        old.stop().await;
        Ok(Change::Removed)
    }

    pub(crate) async fn put(&self, name: &str, spec: BucketSpec) -> Result<Change> {
        check_bucket_name(name)?;
        check_rules(&spec)?;
        let known = self.desired.read(|desired| desired.buckets.get(name).cloned());
        if known.as_ref() == Some(&spec) {
            return Ok(Change::Unchanged);
        }
        self.desired.change(|desired| desired.buckets.insert(name.to_owned(), spec.clone()))?;
        self.create_folder(name)?;
        self.set_rules(name, &spec.replication).await?;
        Ok(if known.is_some() { Change::Replaced } else { Change::Created })
    }

    pub(crate) async fn remove(&self, name: &str, data: Data) -> Result<Change> {
        check_bucket_name(name)?;
        if self.desired.read(|desired| !desired.buckets.contains_key(name)) {
            return Ok(Change::Absent);
        }
        let (objects, _) = self.size(name).await?;
        if objects > 0 && data == Data::Kept {
            let text = format!("bucket `{name}` still has objects in it ({objects})");
            return Err(Error::Conflict(text));
        }
        self.desired.change(|desired| {
            desired.buckets.remove(name);
            desired.replication_faults.remove(name);
        })?;
        self.set_rules(name, &[]).await?;
        self.store.remove_bucket(name).map_err(Error::io("remove bucket", name))?;
        Ok(Change::Removed)
    }

    pub(crate) async fn set_fault(&self, bucket: &str, peer: &str, fault: ReplicationFault) -> Result<()> {
        let replicators = self.replicators.lock().await;
        let rule = replicators.get(bucket).and_then(|rules| rules.get(peer));
        let missing = || Error::NotFound { what: "replication rule", name: format!("{bucket} to {peer}") };
        let rule = rule.ok_or_else(missing)?;
        self.desired.change(|desired| {
            let faults = desired.replication_faults.entry(bucket.to_owned()).or_default();
            faults.insert(peer.to_owned(), fault.clone());
        })?;
        rule.set_fault(fault);
        Ok(())
    }

    /// Takes over an object version from another region.
    pub(crate) async fn receive(&self, replica: Replica) -> Result<()> {
        if self.partition.is_cut_from(&replica.origin) {
            return Err(Error::Conflict(format!("{} is cut from {}", self.region, replica.origin)));
        }
        let store = Arc::clone(&self.store);
        let Replica { origin, bucket, key, file } = replica;
        let name = format!("{bucket}/{key}");
        let copy = move || store.commit_replica((&bucket, &key), &file, &origin);
        match run_blocking(copy).await {
            // Without the key, the source was deleted before it was copied: nothing is left to replicate.
            Some(Ok(()) | Err(StoreError::NoSuchKey)) => Ok(()),
            Some(Err(error)) => Err(Error::Conflict(format!("{name}: {error}"))),
            None => Err(Error::Conflict(format!("{name}: the copy was broken off"))),
        }
    }

    pub(crate) async fn stop_all(&self) {
        if let Some(endpoint) = self.endpoint.get(ENDPOINT) {
            endpoint.stop().await;
        }
        for (bucket, rules) in std::mem::take(&mut *self.replicators.lock().await) {
            for (_, rule) in rules {
                rule.stop(&self.source(&bucket)).await;
            }
        }
    }

    pub(crate) fn endpoint_status(&self) -> Option<EndpointStatus> {
        self.endpoint.get(ENDPOINT).map(|endpoint| endpoint.status())
    }

    pub(crate) async fn status(&self) -> BTreeMap<String, BucketStatus> {
        let mut buckets = BTreeMap::new();
        for name in self.desired.read(|desired| desired.buckets.keys().cloned().collect::<Vec<_>>()) {
            let (objects, size_bytes) = self.size(&name).await.unwrap_or_default();
            let replicators = self.replicators.lock().await;
            let rules = replicators.get(&name).into_iter().flatten();
            let replication = rules.map(|(peer, rule)| (peer.clone(), rule.status())).collect();
            buckets.insert(name, BucketStatus { objects, size_bytes, replication });
        }
        buckets
    }

    /// Makes the rules of a bucket these, leaving those that stay as they are alone.
    async fn set_rules(&self, bucket: &str, rules: &[ReplicationRule]) -> Result<()> {
        let mut replicators = self.replicators.lock().await;
        let running = replicators.entry(bucket.to_owned()).or_default();
        let source = self.source(bucket);
        let stale: Vec<String> = running
            .values()
            .map(Replicator::rule)
            .filter(|rule| !rules.contains(rule))
            .map(|rule| rule.peer.clone())
            .collect();
        for peer in stale {
            if let Some(rule) = running.remove(&peer) {
                rule.stop(&source).await;
            }
            if rules.iter().all(|rule| rule.peer != peer) {
                remove_folder_if_there(&self.folder.replication_queue(bucket, &peer))?;
            }
        }
        for rule in rules {
            if running.contains_key(&rule.peer) {
                continue;
            }
            let is_new = !self.folder.replication_queue(bucket, &rule.peer).exists();
            let fault = self.desired.read(|desired| desired.replication_fault(bucket, &rule.peer));
            let started = Replicator::start(source.clone(), rule.clone(), fault);
            let started = started.map_err(Error::io("open the replication queue of", bucket))?;
            if is_new && rule.existing_objects {
                started.queue_existing(&source).map_err(|error| Error::Conflict(format!("{bucket}: {error}")))?;
            }
            running.insert(rule.peer.clone(), started);
        }
        Ok(())
    }

    fn create_folder(&self, name: &str) -> Result<()> {
        self.store.create_bucket(name).map_err(Error::io("create bucket", name))
    }

    async fn size(&self, bucket: &str) -> Result<(u64, u64)> {
        let (store, name) = (Arc::clone(&self.store), bucket.to_owned());
        match run_blocking(move || store.size(&name)).await {
            Some(Ok(size)) => Ok(size),
            Some(Err(error)) => Err(Error::Conflict(format!("bucket `{bucket}`: {error}"))),
            None => Err(Error::Conflict(format!("bucket `{bucket}` could not be read; see the agent's log"))),
        }
    }

    fn source(&self, bucket: &str) -> Source {
        Source {
            region: self.region.clone(),
            bucket: bucket.to_owned(),
            folder: self.folder.clone(),
            store: Arc::clone(&self.store),
            queues: Arc::clone(&self.queues),
            partition: Arc::clone(&self.partition),
        }
    }
}

/// S3's own rules, so that what works here works there.
fn check_bucket_name(name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let ends_fit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let is_good = (3..=63).contains(&name.len()) && name.chars().all(fits) && !name.contains("..");
    if !is_good || !ends_fit(name.chars().next()) || !ends_fit(name.chars().last()) {
        return Err(Error::Invalid(format!(
            "`{name}` can't name a bucket: S3 takes 3 to 63 lower-case letters, digits, dashes and single dots"
        )));
    }
    Ok(())
}

fn check_rules(spec: &BucketSpec) -> Result<()> {
    let mut peers = BTreeSet::new();
    for rule in &spec.replication {
        check_name("region", &rule.peer)?;
        check_absolute(&rule.peer_folder)?;
        check_bucket_name(&rule.bucket)?;
        if !peers.insert(&rule.peer) {
            return Err(Error::Invalid(format!("there are two replication rules to {}; one is allowed", rule.peer)));
        }
    }
    Ok(())
}
