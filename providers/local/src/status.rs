//! What a region agent tells about itself and about everything it runs.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The whole agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The region's name.
    pub region: String,
    /// The agent's process id.
    pub pid: u32,
    /// Version of the agent's program.
    pub version: String,
    /// How long this agent has been running, in milliseconds.
    pub uptime_ms: u64,
    /// The processes, by name.
    pub processes: BTreeMap<String, ProcessStatus>,
    /// The balancers, by name.
    pub balancers: BTreeMap<String, BalancerStatus>,
    /// The S3 endpoint, if there is one.
    pub endpoint: Option<EndpointStatus>,
    /// The buckets, by name.
    pub buckets: BTreeMap<String, BucketStatus>,
    /// The regions that this one is cut from.
    pub cut_from: Vec<String>,
}

/// Where a process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessState {
    /// Runs, but its readiness probe hasn't succeeded yet.
    Starting,
    /// Runs, and its probe has succeeded.
    Ready,
    /// Died or could not be started; the next attempt is scheduled.
    BackingOff,
    /// Is not meant to run.
    Stopped,
}

/// A supervised process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessStatus {
    /// Its process id, while it runs.
    pub pid: Option<u32>,
    /// Where it is in its life.
    pub state: ProcessState,
    /// What it is doing or waiting for, for people: "starting", "port 127.1.0.1:8080 not open yet".
    pub progress: String,
    /// How often it was started again since it was put.
    pub restarts: u64,
    /// How it ended last, if it did.
    pub last_exit: Option<String>,
    /// When it was last started or adopted, in milliseconds since 1970.
    pub started_at_ms: Option<u64>,
    /// The addresses it was declared to listen on.
    pub addresses: Vec<SocketAddr>,
    /// The file of its output.
    pub log: PathBuf,
    /// What the agent could not do for it, such as a limit that isn't enforced.
    pub notes: Vec<String>,
}

/// A TCP balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalancerStatus {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where connections go.
    pub target: SocketAddr,
    /// Connections open now.
    pub connections_open: u64,
    /// Connections accepted since the agent started.
    pub connections_total: u64,
    /// Delay added to each direction, in milliseconds.
    pub latency_ms: u64,
    /// Whether it is cut.
    pub cut: bool,
    /// Why it can't listen, if it can't.
    pub error: Option<String>,
}

/// The S3 endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointStatus {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Connections open now.
    pub connections_open: u64,
    /// Why it can't listen, if it can't.
    pub error: Option<String>,
}

/// A bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketStatus {
    /// Objects in it.
    pub objects: u64,
    /// Bytes of their bodies.
    pub size_bytes: u64,
    /// Its replication rules, by the peer's name.
    pub replication: BTreeMap<String, ReplicationStatus>,
}

/// A replication rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicationStatus {
    /// Objects that wait to be copied.
    pub pending: u64,
    /// Age of the oldest of them, in milliseconds.
    pub oldest_pending_ms: Option<u64>,
    /// Why the last copy failed, if it did.
    pub last_error: Option<String>,
    /// Added lag, in milliseconds.
    pub lag_ms: u64,
    /// Whether it is cut, by itself or with the region.
    pub cut: bool,
}
