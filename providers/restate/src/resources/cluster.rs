//! `restate:Cluster`: the cluster as a whole. It is provisioned once, and done when it is healthy and replicated.

use crate::{
    Restate,
    ctl::{Provisioned, Restatectl},
    health::{Expected, ExpectedNode as Wanted},
    replication::Replication,
    settings::Role,
    topology::NodeFacts,
    watch,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, path::PathBuf, time::Duration};
use terrane::{Creation, Found, Live, Progress, Recovery, Resource, Result};
use tokio::time::{Instant, sleep};

/// How long a cluster may take to be led and replicated.
const HEALTHY_WITHIN: Duration = Duration::from_secs(10 * 60);
/// How long the first node may take to answer so that the cluster can be provisioned.
const REACHABLE_WITHIN: Duration = Duration::from_secs(120);

/// The cluster that its nodes make together.
#[derive(Resource, Debug, Clone, Serialize, Deserialize)]
#[resource(kind = "restate:Cluster", provider = Restate, outputs = ClusterStateOutputs, recovery = Recovery::Returns)]
pub struct ClusterState {
    /// The addresses under which `restatectl` reaches its nodes.
    addresses: Vec<String>,
    /// Its nodes.
    nodes: Vec<ExpectedNode>,
    /// Copies of logs and partitions.
    replication: Replication,
    /// How many partitions it has.
    #[input(immutable = "a cluster keeps the number of partitions that it was provisioned with")]
    partitions: u16,
    /// The program `restatectl`.
    restatectl: PathBuf,
    /// Where clients call services.
    ingress_urls: Vec<String>,
    /// Where its admin API is.
    admin_urls: Vec<String>,
}

/// A node that belongs to a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedNode {
    name: String,
    location: Option<String>,
    roles: BTreeSet<Role>,
}

impl ExpectedNode {
    /// What a topology says of a node.
    pub(crate) fn of(node: &NodeFacts) -> Self {
        Self { name: node.name.clone(), location: node.location(), roles: node.roles.clone() }
    }
}

/// What is known of a cluster.
#[derive(terrane::Outputs, Debug, Clone, Serialize, Deserialize)]
pub struct ClusterStateOutputs {
    /// Where clients call services, one URL a node.
    pub ingress_urls: Vec<String>,
    /// Where its admin API is, one URL a node.
    pub admin_urls: Vec<String>,
    /// Where its metrics are, one URL a node.
    pub metrics_urls: Vec<String>,
}

impl ClusterState {
    fn expected(&self) -> Expected {
        let wanted = |node: &ExpectedNode| {
            (node.name.clone(), Wanted { location: node.location.clone(), roles: node.roles.clone() })
        };
        Expected {
            nodes: self.nodes.iter().map(wanted).collect(),
            replication: self.replication,
            partitions: Some(self.partitions),
        }
    }

    fn outputs(&self) -> ClusterStateOutputs {
        let metrics = |address: &String| format!("{}/metrics", address.trim_end_matches('/'));
        ClusterStateOutputs {
            ingress_urls: self.ingress_urls.clone(),
            admin_urls: self.admin_urls.clone(),
            // Restate serves them on the fabric port, not on the admin port.
            metrics_urls: self.addresses.iter().map(metrics).collect(),
        }
    }

    /// Provisions the cluster unless it is; a node that has just started may need a moment to answer.
    async fn provision(&self, progress: &Progress) -> Result<Provisioned> {
        let began = Instant::now();
        let first = &self.addresses[..self.addresses.len().min(1)];
        loop {
            progress.permit()?;
            let (replication, partitions) = (self.replication, Some(self.partitions));
            let ask = |ctl: Restatectl| async move { ctl.provision(replication, partitions).await };
            match watch::reach(&self.restatectl, first, ask).await {
                Ok(provisioned) => return Ok(provisioned),
                Err(error) if began.elapsed() > REACHABLE_WITHIN => return Err(error.context("provisioning")),
                Err(error) => progress.say(format!("not provisioned yet: {error}")),
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Resource for ClusterState {
    async fn read((): &(), was: &Live<Self>) -> Result<Option<Live<Self>>> {
        let get = |ctl: Restatectl| async move { ctl.config_get().await };
        // A cluster of which no node answers is not gone: its nodes are resources of their own.
        let Ok(seen) = watch::reach(&was.inputs.restatectl, &was.inputs.addresses, get).await else {
            return Ok(Some(was.clone()));
        };
        let replication = seen.log_replication.unwrap_or(seen.partition_replication);
        let inputs = Self { replication, partitions: seen.partitions, ..was.inputs.clone() };
        Ok(Some(Live { inputs, outputs: was.outputs.clone() }))
    }

    async fn create(&self, (): &(), creation: &Creation) -> Result<ClusterStateOutputs> {
        self.provision(creation.progress()).await?;
        Ok(self.outputs())
    }

    async fn update(&self, (): &(), was: &Live<Self>, progress: &Progress) -> Result<ClusterStateOutputs> {
        if was.inputs.replication != self.replication {
            let replication = self.replication;
            let set = |ctl: Restatectl| async move { Ok(ctl.config_set(replication).await?) };
            watch::change(&self.restatectl, &self.addresses, progress, set)
                .await
                .map_err(|error| error.context("setting the replication"))?;
        }
        Ok(self.outputs())
    }

    /// A cluster is gone when its nodes are.
    async fn delete((): &(), _: &Live<Self>, _: &Progress) -> Result<()> {
        Ok(())
    }

    async fn wait(&self, (): &(), _: &ClusterStateOutputs, progress: &Progress) -> Result<()> {
        watch::until_healthy(&self.restatectl, &self.addresses, &self.expected(), HEALTHY_WITHIN, progress).await
    }

    async fn find(&self, (): &(), _: &Creation) -> Result<Found<ClusterStateOutputs>> {
        // Provisioning again changes nothing where it has happened.
        Ok(Found::Nothing)
    }
}
