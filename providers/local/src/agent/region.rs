//! The region: everything that one agent runs, and what each request does to it.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Notify;

use super::balancers::Balancers;
use super::buckets::Buckets;
use super::desired::DesiredFile;
use super::error::Result;
use super::folder::{Folder, check_absolute, check_name};
use super::partition::Partition;
use super::processes::Processes;
use crate::status::Status;
use crate::wire::{Answer, Request};

/// A running region.
pub(crate) struct Region {
    name: String,
    desired: Arc<DesiredFile>,
    partition: Arc<Partition>,
    processes: Processes,
    balancers: Balancers,
    buckets: Buckets,
    started: Instant,
    /// Told when everything has been stopped on request.
    pub(crate) was_shut_down: Notify,
}

impl Region {
    /// Opens the region in a folder; nothing runs yet.
    pub(crate) fn open(name: &str, folder: &Folder) -> Result<Self> {
        let desired = Arc::new(DesiredFile::open(folder.clone())?);
        let partition = Arc::new(Partition::default());
        let buckets = Buckets::new(name, folder.clone(), Arc::clone(&desired), Arc::clone(&partition))?;
        Ok(Self {
            name: name.to_owned(),
            processes: Processes::new(folder.clone(), Arc::clone(&desired)),
            balancers: Balancers::new(Arc::clone(&desired), Arc::clone(&partition)),
            buckets,
            desired,
            partition,
            started: Instant::now(),
            was_shut_down: Notify::new(),
        })
    }

    /// Brings back everything that is desired.
    pub(crate) async fn restore(&self) -> Result<()> {
        self.partition.set(self.desired.snapshot().cuts).await;
        self.buckets.restore().await?;
        self.balancers.restore().await;
        self.processes.restore();
        Ok(())
    }

    /// Does what a request asks.
    pub(crate) async fn handle(&self, request: Request) -> Result<Answer> {
        let change = match request {
            Request::Ping => return Ok(Answer::Done),
            Request::Process { name } => return Ok(Answer::Process(Box::new(self.processes.get(&name)?))),
            Request::Status => return Ok(Answer::Status(Box::new(self.status().await))),
            Request::Shutdown => {
                self.shut_down().await;
                return Ok(Answer::Done);
            }
            Request::RestartProcess { name } => return self.processes.restart(&name).await.map(|()| Answer::Done),
            Request::SetBalancerFault { name, fault } => {
                return self.balancers.set_fault(&name, fault).await.map(|()| Answer::Done);
            }
            Request::SetReplicationFault { bucket, peer, fault } => {
                return self.buckets.set_fault(&bucket, &peer, fault).await.map(|()| Answer::Done);
            }
            Request::Replicate(replica) => return self.buckets.receive(replica).await.map(|()| Answer::Done),
            Request::Cut { peer, peer_folder } => {
                check_name("region", &peer)?;
                check_absolute(&peer_folder)?;
                return self.change_cuts(|cuts| drop(cuts.insert(peer, peer_folder))).await;
            }
            Request::Heal { peer } => return self.change_cuts(|cuts| drop(cuts.remove(&peer))).await,
            Request::PutProcess { name, spec } => self.processes.put(&name, spec).await,
            Request::RemoveProcess { name, data } => self.processes.remove(&name, data).await,
            Request::PutBalancer { name, spec } => self.balancers.put(&name, spec).await,
            Request::RemoveBalancer { name } => self.balancers.remove(&name).await,
            Request::PutEndpoint { spec } => self.buckets.put_endpoint(spec).await,
            Request::RemoveEndpoint => self.buckets.remove_endpoint().await,
            Request::PutBucket { name, spec } => self.buckets.put(&name, spec).await,
            Request::RemoveBucket { name, data } => self.buckets.remove(&name, data).await,
        };
        change.map(Answer::Change)
    }

    async fn change_cuts(
        &self,
        change: impl FnOnce(&mut std::collections::BTreeMap<String, std::path::PathBuf>),
    ) -> Result<Answer> {
        self.desired.change(|desired| change(&mut desired.cuts))?;
        self.partition.set(self.desired.snapshot().cuts).await;
        Ok(Answer::Done)
    }

    /// Stops everything and lets the agent end. What is desired stays on disk: the next agent brings it back.
    async fn shut_down(&self) {
        self.balancers.stop_all().await;
        self.processes.stop_all().await;
        // Last, since servers may write to the buckets while they stop.
        self.buckets.stop_all().await;
        self.was_shut_down.notify_one();
    }

    async fn status(&self) -> Status {
        Status {
            region: self.name.clone(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            processes: self.processes.status(),
            balancers: self.balancers.status(),
            endpoint: self.buckets.endpoint_status(),
            buckets: self.buckets.status().await,
            cut_from: self.desired.read(|desired| desired.cuts.keys().cloned().collect()),
        }
    }
}
