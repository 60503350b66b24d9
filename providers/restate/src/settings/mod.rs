//! The `restate.toml` of one node, for Restate 1.7, as a tree of structs.
//!
//! Restate ignores keys that it doesn't know without a word, so a misspelled or renamed key is a setting that silently
//! does nothing. Here a key that doesn't exist can't be written. `None` leaves Restate's own default and prints
//! nothing.
//!
//! Secrets never get into the file: [`Settings::to_toml`] leaves them out, [`Settings::secret_env`] gives them as
//! environment variables, which Restate reads over the file.

mod bytes;
mod interval;
mod listener;
mod metadata;
mod object_store;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use bytes::Bytes;
pub use interval::Interval;
pub use listener::{ListenMode, Listener};
pub use metadata::{MetadataClient, MetadataServer};
pub use object_store::ObjectStore;
pub use worker::{DurabilityMode, SnapshotSettings, Worker};

use crate::replication::Replication;

/// The settings of one node: the top level of `restate.toml`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Settings {
    /// Unique over all regions: Restate identifies a node by its name alone. Fixed once the node has joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    /// The same on every node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_name: Option<String>,
    /// `region` or `region.zone`. Fixed once the node has joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What the node does; empty leaves all roles.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<Role>,
    /// Whether the node may provision the cluster. Restate's default is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_provision: Option<bool>,
    /// The plain id the node insists on, the 1 of `N1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_node_id: Option<u32>,
    /// The folder with the node's data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_dir: Option<PathBuf>,
    /// Where the node-to-node port listens and how others reach it.
    #[serde(flatten)]
    pub fabric: Listener,
    /// Partitions at provisioning, 24 by default; without effect later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_num_partitions: Option<u16>,
    /// Copies at provisioning; without effect later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_replication: Option<Replication>,
    /// Memory for all RocksDB caches and memtables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rocksdb_total_memory_size: Option<Bytes>,
    /// How long a clean stop may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shutdown_timeout: Option<Interval>,
    /// How long a node tries to join before it gives up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initialization_timeout: Option<Interval>,
    /// No anonymous usage data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_telemetry: Option<bool>,
    /// How often the failure detector ticks, 100 ms by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gossip_tick_interval: Option<Interval>,
    /// Ticks without a word until a node counts as dead, 10 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gossip_failure_threshold: Option<u32>,
    /// How long a node that was dead stays suspect, 5 s by default: most of the time a small cluster takes to start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gossip_suspect_interval: Option<Interval>,
    /// How often an idle node looks for new metadata, 10 s by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_update_interval: Option<Interval>,
    /// What is logged, in the syntax of `RUST_LOG`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_filter: Option<String>,
    /// How log lines look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<LogFormat>,
    /// No colour codes in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_disable_ansi_codes: Option<bool>,
    /// `[metadata-client]`: where the cluster's metadata is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_client: Option<MetadataClient>,
    /// `[metadata-server]`: the node's own part in replicated metadata.
    #[serde(skip_serializing_if = "is_default")]
    pub metadata_server: MetadataServer,
    /// `[bifrost]`: the log.
    #[serde(skip_serializing_if = "is_default")]
    pub bifrost: Bifrost,
    /// `[worker]`: partition processors and their snapshots.
    #[serde(skip_serializing_if = "is_default")]
    pub worker: Worker,
    /// `[admin]`: the admin API, port 9070 by default.
    #[serde(skip_serializing_if = "is_default")]
    pub admin: Listener,
    /// `[ingress]`: where clients call services, port 8080 by default.
    #[serde(skip_serializing_if = "is_default")]
    pub ingress: Listener,
    /// `[networking]`: messages between nodes.
    #[serde(skip_serializing_if = "is_default")]
    pub networking: Networking,
}

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs partition processors.
    Worker,
    /// Runs the admin API and, on one node at a time, the cluster controller.
    Admin,
    /// Is a member of the replicated metadata store.
    MetadataServer,
    /// Stores log records.
    LogServer,
    /// Takes calls from clients.
    HttpIngress,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Several lines an event.
    Pretty,
    /// One line an event.
    Compact,
    /// One JSON object an event.
    Json,
}

/// `[bifrost]`: the log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Bifrost {
    /// Where new logs are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_provider: Option<LogProvider>,
}

/// Where logs are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogProvider {
    /// On several log servers: the only one for a cluster.
    Replicated,
    /// On the node itself.
    Local,
}

/// `[networking]`: messages between nodes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Networking {
    /// The largest message, 32 MiB by default; the limits of other sections are cut to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_size_limit: Option<Bytes>,
}

/// Settings that can't be written as TOML.
#[derive(Debug, thiserror::Error)]
#[error("the settings of node `{node}` can't be written as TOML: {source}")]
pub struct Error {
    /// The node's name, empty when it isn't set.
    pub node: String,
    /// Why.
    source: toml::ser::Error,
}

impl Settings {
    /// The file, without secrets; equal settings give equal text.
    ///
    /// # Errors
    /// A number that TOML can't hold, or a path that isn't UTF-8.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string(self).map_err(|source| Error { node: self.node_name.clone().unwrap_or_default(), source })
    }

    /// The secrets, as the environment variables under which Restate reads them.
    #[must_use]
    pub fn secret_env(&self) -> BTreeMap<String, String> {
        let metadata = match &self.metadata_client {
            Some(MetadataClient::ObjectStore { store, .. }) => store.secrets("metadata-client"),
            Some(MetadataClient::Replicated { .. } | MetadataClient::Etcd { .. }) | None => Vec::new(),
        };
        let snapshots = self.worker.snapshots.iter().flat_map(|snapshots| snapshots.store.secrets("worker.snapshots"));
        metadata.into_iter().chain(snapshots).collect()
    }
}

impl Role {
    /// Every role but `metadata-server`: a node whose metadata is in an object store.
    #[must_use]
    pub fn without_metadata() -> BTreeSet<Self> {
        BTreeSet::from([Self::Worker, Self::Admin, Self::LogServer, Self::HttpIngress])
    }

    /// Every role.
    #[must_use]
    pub fn all() -> BTreeSet<Self> {
        let mut roles = Self::without_metadata();
        roles.insert(Self::MetadataServer);
        roles
    }
}

/// The environment variable that overrides a key, given by its path: `worker.snapshots.destination` is
/// `RESTATE_WORKER__SNAPSHOTS__DESTINATION`.
#[must_use]
pub fn env_name(path: &str) -> String {
    format!("RESTATE_{}", path.to_ascii_uppercase().replace('.', "__").replace('-', "_"))
}

fn is_default<T: Default + PartialEq>(section: &T) -> bool {
    *section == T::default()
}

#[cfg(test)]
mod tests;
