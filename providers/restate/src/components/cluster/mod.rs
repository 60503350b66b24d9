//! `Cluster`: nodes that are one Restate, with everything that a person can get wrong about them checked in the plan.

mod configure;
mod declare;

use super::{DeclaredBucket, DeclaredMetadata, Node};
use crate::{Platform, replication::Replication, settings::Interval};
use declare::Declaring;
use terrane::{Complete, Declare, Output, Refers, Stack, Urn};

/// A cluster. Add it last: it is up when every node is alive, every partition led and every log replicated as declared.
#[derive(Clone)]
pub struct Cluster {
    name: String,
    metadata: Option<DeclaredMetadata>,
    snapshots: Option<DeclaredBucket>,
    snapshot_records: Option<u64>,
    replication: Replication,
    partitions: u16,
    trim_delay: Option<Interval>,
    nodes: Vec<Node>,
}

/// Partitions of a cluster that says nothing of them: few, since each costs memory on every node of a laptop.
const PARTITIONS: u16 = 6;

impl Cluster {
    /// A cluster by its name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            metadata: None,
            snapshots: None,
            snapshot_records: None,
            replication: Replication::nodes(1),
            partitions: PARTITIONS,
            trim_delay: None,
            nodes: Vec::new(),
        }
    }

    /// Where its metadata lives; on the nodes themselves, if nothing is said.
    #[must_use]
    pub fn metadata(mut self, store: &DeclaredMetadata) -> Self {
        self.metadata = Some(store.clone());
        self
    }

    /// Where its partition snapshots go.
    #[must_use]
    pub fn snapshots(mut self, bucket: &DeclaredBucket) -> Self {
        self.snapshots = Some(bucket.clone());
        self
    }

    /// Take a snapshot of a partition after so many records.
    #[must_use]
    pub fn snapshot_every(mut self, records: u64) -> Self {
        self.snapshot_records = Some(records);
        self
    }

    /// How many copies of everything there are, and where: `Replication::regions(2).nodes(3)`.
    #[must_use]
    pub fn replication(mut self, replication: impl Into<Replication>) -> Self {
        self.replication = replication.into();
        self
    }

    /// How many partitions it has. Fixed once it is provisioned.
    #[must_use]
    pub fn partitions(mut self, count: u16) -> Self {
        self.partitions = count;
        self
    }

    /// How long a log is kept after its records are durable elsewhere; at least as long as copying snapshots takes.
    #[must_use]
    pub fn trim_delay(mut self, delay: Interval) -> Self {
        self.trim_delay = Some(delay);
        self
    }

    /// Its nodes.
    #[must_use]
    pub fn nodes(mut self, nodes: impl IntoIterator<Item = Node>) -> Self {
        self.nodes = nodes.into_iter().collect();
        self
    }
}

/// A cluster that is part of a stack.
pub struct DeclaredCluster {
    /// The URLs under which clients call services, one a node.
    pub ingress_urls: Output<Vec<String>>,
    /// The URLs of the admin API, one a node.
    pub admin_urls: Output<Vec<String>>,
    /// The URLs of the metrics, for Prometheus, one a node.
    pub metrics_urls: Output<Vec<String>>,
    urns: Vec<Urn>,
}

impl Refers for DeclaredCluster {
    fn urns(&self) -> Vec<Urn> {
        self.urns.clone()
    }
}

impl Complete for Cluster {}

impl Declare<Platform> for Cluster {
    type Declared = DeclaredCluster;

    fn declare(self, stack: &Stack, platform: &Platform) -> DeclaredCluster {
        Declaring { cluster: &self, stack, platform }.run()
    }
}
