//! A cluster as plain facts: its nodes and their places, where metadata and snapshots live. Nothing lazy, nothing
//! unknown.

use std::collections::{BTreeMap, BTreeSet};

use crate::replication::{Domains, Replication};
use crate::settings::{Bytes, Interval, Role};

/// A Restate cluster over all its regions, as declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    /// The cluster's name, the same on every node.
    pub cluster: String,
    /// All nodes of all regions.
    pub nodes: Vec<NodeFacts>,
    /// Copies of logs and partitions.
    pub replication: Replication,
    /// Partitions at provisioning; `None` leaves Restate's default of 24. Fixed from then on.
    pub partitions: Option<u16>,
    /// Where the cluster's metadata lives.
    pub metadata: Metadata,
    /// Who provisions the cluster.
    pub provisioning: Provisioning,
    /// Where partition snapshots go; `None` means that there are none.
    pub snapshots: Option<Snapshots>,
    /// How long a log is kept after its records are durable elsewhere.
    pub trim_delay: Interval,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFacts {
    /// Its name: Restate identifies a node by nothing else.
    pub name: String,
    /// Its region; empty for a node without a location.
    pub region: String,
    /// Its zone within the region.
    pub zone: Option<String>,
    /// The address other nodes dial, such as `http://127.1.0.11:5122/`.
    pub advertised: String,
    /// What it does.
    pub roles: BTreeSet<Role>,
    /// Whether it may provision the cluster when it starts.
    pub auto_provision: bool,
    /// Memory for RocksDB; `None` leaves Restate's default.
    pub rocksdb_memory: Option<Bytes>,
    /// The limit under which its process or container runs.
    pub memory_limit: Option<Bytes>,
}

/// Where the cluster's metadata lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Metadata {
    /// In an object store, by conditional writes.
    ObjectStore {
        /// What must stand for the store to be reachable.
        home: Home,
    },
    /// On the nodes with the role `metadata-server`, by Raft: a majority of them must be alive.
    Replicated,
}

/// What an object store depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Home {
    /// A single region, which takes the store down with it.
    Region {
        /// The region.
        name: String,
        /// Whether the program says that it accepts this.
        acknowledged: bool,
    },
    /// Something that no single region takes down.
    Outside,
}

/// Who provisions the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provisioning {
    /// A node that starts with `auto-provision`.
    ByNode,
    /// A call of `restatectl provision`.
    Explicit,
}

/// Where partition snapshots go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshots {
    /// The destination of each region's nodes, such as `s3://snapshots-use1/demo`.
    pub destinations: BTreeMap<String, String>,
    /// Replication between the buckets: pairs of source and destination region.
    pub replicated: BTreeSet<(String, String)>,
    /// How long replication may take, as the store promises it (15 minutes for S3 replication time control).
    pub replication_lag: Interval,
}

impl Topology {
    /// The names of all regions that have nodes, sorted.
    #[must_use]
    pub fn regions(&self) -> BTreeSet<&str> {
        self.nodes.iter().map(|node| node.region.as_str()).collect()
    }

    /// The nodes with a role.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &NodeFacts> {
        self.nodes.iter().filter(move |node| node.roles.contains(&role))
    }
}

impl NodeFacts {
    /// A node with every role but `metadata-server`, which does not provision.
    #[must_use]
    pub fn new(name: impl Into<String>, region: impl Into<String>, advertised: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            region: region.into(),
            zone: None,
            advertised: advertised.into(),
            roles: Role::without_metadata(),
            auto_provision: false,
            rocksdb_memory: None,
            memory_limit: None,
        }
    }

    /// Its location as Restate writes it: `region`, `region.zone`, or nothing.
    #[must_use]
    pub fn location(&self) -> Option<String> {
        match (&self.zone, self.region.is_empty()) {
            (_, true) => None,
            (None, false) => Some(self.region.clone()),
            (Some(zone), false) => Some(format!("{}.{zone}", self.region)),
        }
    }

    /// The node with its region, as a person tells it apart from a namesake.
    #[must_use]
    pub fn described(&self) -> String {
        match self.location() {
            Some(location) => format!("{} ({location})", self.name),
            None => self.name.clone(),
        }
    }
}

impl Domains {
    /// The domains that nodes touch.
    pub fn of<'a>(nodes: impl IntoIterator<Item = &'a NodeFacts>) -> Self {
        let nodes = nodes.into_iter().map(|node| (node.region.as_str(), node.zone.as_deref()));
        Self::of_places(nodes)
    }

    /// The domains that nodes at these places, each a region and a zone, touch.
    pub fn of_places<'a>(places: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Self {
        let (mut regions, mut zones, mut nodes) = (BTreeSet::new(), BTreeSet::new(), 0);
        for (region, zone) in places {
            regions.insert(region);
            zones.insert((region, zone));
            nodes += 1;
        }
        Self { regions: regions.len(), zones: zones.len(), nodes }
    }
}

#[cfg(test)]
pub(crate) mod sample {
    //! Clusters that the tests of other modules break in one place each.

    use super::*;

    /// `regions` regions of `nodes` nodes with metadata in an object store outside of them all: nothing to complain
    /// about.
    pub(crate) fn cluster(regions: &[&str], nodes: usize, replication: impl Into<Replication>) -> Topology {
        let facts = |region: &str, index: usize| {
            let name = format!("{region}-{index}");
            let advertised = format!("http://{name}.demo.internal:5122/");
            NodeFacts { auto_provision: true, ..NodeFacts::new(name, region, advertised) }
        };
        let others =
            |from: &&str| regions.iter().filter(move |to| *to != from).map(|to| (*to).to_owned()).collect::<Vec<_>>();
        Topology {
            cluster: "demo".to_owned(),
            nodes: regions.iter().flat_map(|region| (0..nodes).map(|index| facts(region, index))).collect(),
            replication: replication.into(),
            partitions: Some(6),
            metadata: Metadata::ObjectStore { home: Home::Outside },
            provisioning: Provisioning::ByNode,
            snapshots: Some(Snapshots {
                destinations: regions
                    .iter()
                    .map(|region| ((*region).to_owned(), format!("s3://snap-{region}/demo")))
                    .collect(),
                replicated: regions
                    .iter()
                    .flat_map(|from| others(from).into_iter().map(|to| ((*from).to_owned(), to)))
                    .collect(),
                replication_lag: Interval::from_secs(60),
            }),
            trim_delay: Interval::from_secs(600),
        }
    }

    /// The same with metadata on all nodes, provisioned by the first.
    pub(crate) fn raft(regions: &[&str], nodes: usize, replication: impl Into<Replication>) -> Topology {
        let mut topology = cluster(regions, nodes, replication);
        topology.metadata = Metadata::Replicated;
        for (index, node) in topology.nodes.iter_mut().enumerate() {
            node.roles.insert(Role::MetadataServer);
            node.auto_provision = index == 0;
        }
        topology
    }
}
