//! The shape of a rehearsed cluster: what the tests write into `terrane.toml`, and the program reads from it.

use serde::{Deserialize, Serialize};
use terrane_restate::Replication;

/// A cluster, as far as tests differ in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Shape {
    pub(crate) regions: Vec<String>,
    pub(crate) nodes_per_region: u8,
    pub(crate) replication: Replication,
    /// Metadata on the nodes themselves instead of in a bucket of the first region.
    pub(crate) replicated_metadata: bool,
    pub(crate) snapshots: bool,
    /// The one setting that is changed in a rollout.
    pub(crate) rocksdb_mib: u64,
    /// The first part of each node's name.
    pub(crate) names: String,
    /// Whether a node's index is left out of its name, so that nodes of one region share it.
    pub(crate) same_names: bool,
    pub(crate) zone: Option<String>,
    /// Where the counters are served.
    pub(crate) service: Option<String>,
    /// Last, since it is a table.
    pub(crate) platform: Place,
}

/// Where the cluster runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Place {
    pub(crate) first_subnet: u8,
}

impl Shape {
    /// The name of a node.
    pub(crate) fn name(&self, region: &str, index: u8) -> String {
        if self.same_names { format!("{}.{region}", self.names) } else { format!("{}-{index}.{region}", self.names) }
    }
}
