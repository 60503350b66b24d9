//! `[worker]`: partition processors, how long their logs are kept, and their snapshots.

use serde::{Deserialize, Serialize};

use super::{Interval, ObjectStore};

/// `[worker]`: partition processors.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Worker {
    /// How long a log is kept after its records are durable elsewhere, 10 minutes by default. At least as long as the
    /// replication of the snapshot buckets takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trim_delay_interval: Option<Interval>,
    /// When a log may be trimmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub durability_mode: Option<DurabilityMode>,
    /// `[worker.snapshots]`: without it a node that falls behind a trimmed log can't catch up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<SnapshotSettings>,
}

/// When a log may be trimmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DurabilityMode {
    /// When a snapshot and one replica cover it: the default with snapshots.
    Balanced,
    /// When a snapshot covers it.
    SnapshotOnly,
    /// When a snapshot and all replicas cover it.
    SnapshotAndReplicaSet,
    /// When all replicas cover it: the default without snapshots.
    ReplicaSetOnly,
    /// Never by itself.
    None,
}

/// `[worker.snapshots]`: where partition snapshots go and when they are taken.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct SnapshotSettings {
    /// Bucket and prefix, such as `s3://snapshots-use1/demo`.
    pub destination: String,
    /// Take one after this time; with a number of records set too, both must be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_interval: Option<Interval>,
    /// Take one after this many records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_interval_num_records: Option<u64>,
    /// How many are kept, 1 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_retained: Option<u8>,
    /// How to reach the store.
    #[serde(flatten)]
    pub store: ObjectStore,
}
