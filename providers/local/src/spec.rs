//! What a region agent can be asked to run, and the faults that can be put on it. Plain data, as it is written to
//! `desired.json` and sent over the control socket.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A server that the agent starts, watches, and starts again when it dies.
///
/// Without `Debug`: arguments, environment and files may hold secrets.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessSpec {
    /// Path of the program, or its name to be found in `PATH`.
    pub program: String,
    /// Arguments, without the program's name.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Environment variables added to the agent's own.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Where the program runs; without it, in the process's own folder (see [`crate::client::Client::process_folder`]).
    #[serde(default)]
    pub working_folder: Option<PathBuf>,
    /// Files written before each start, readable by the owner only: path inside the process's own folder, and content.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// The addresses that the program will listen on: looked at before each start, so that a port in use names its holder.
    #[serde(default)]
    pub addresses: Vec<SocketAddr>,
    /// When the process counts as ready.
    #[serde(default)]
    pub readiness: Readiness,
    /// How long a graceful stop may take, in milliseconds, before the process group is killed.
    #[serde(default = "stop_limit_ms_default")]
    pub stop_limit_ms: u64,
    /// Limits of what the process may use.
    #[serde(default)]
    pub limits: Limits,
}

fn stop_limit_ms_default() -> u64 {
    10_000
}

impl ProcessSpec {
    /// A process of this program without arguments, ready as soon as it has started.
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            working_folder: None,
            files: BTreeMap::new(),
            addresses: Vec::new(),
            readiness: Readiness::Started,
            stop_limit_ms: stop_limit_ms_default(),
            limits: Limits::default(),
        }
    }
}

/// When a process counts as ready.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// As soon as it has started.
    #[default]
    Started,
    /// When this address accepts a connection.
    Tcp {
        /// The address probed.
        address: SocketAddr,
    },
    /// When a GET of this URL answers with the status.
    Http {
        /// An `http://` URL with an IP address as its host.
        url: String,
        /// The status that means ready.
        status: u16,
    },
}

/// Limits of what a process may use. A limit that the host can't enforce is named in the process's status.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Most address space, in bytes (`RLIMIT_AS`, Linux). Programs that reserve more than they use, such as a JVM, need plenty.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// Processors. Recorded only: enforcing it would need a control group.
    #[serde(default)]
    pub cpus: Option<f64>,
}

/// A TCP pass-through, the stand-in for a cloud's network load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalancerSpec {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where each connection goes.
    pub target: SocketAddr,
}

/// The region's S3 endpoint. Without `Debug`: it holds a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSpec {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The access key that requests must be signed with.
    pub access_key: String,
    /// The secret of the access key.
    pub secret_key: String,
}

/// A bucket of the region's S3 endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BucketSpec {
    /// Where its objects are copied to; at most one rule for each peer.
    #[serde(default)]
    pub replication: Vec<ReplicationRule>,
}

/// Copies each new object version to a bucket of another region, some time later and in no promised order.
///
/// As S3 does by default, deletes aren't replicated, replicas aren't replicated again, and objects from before the rule stay
/// where they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicationRule {
    /// The other region's name.
    pub peer: String,
    /// The folder of the other region's agent.
    pub peer_folder: PathBuf,
    /// The bucket there.
    pub bucket: String,
    /// Also copy the objects that exist when the rule is made (what S3 leaves to Batch Replication).
    #[serde(default)]
    pub existing_objects: bool,
}

/// What is wrong, on purpose, with a balancer. It outlives the agent and is cleared by the default value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BalancerFault {
    /// Delay added to each direction, in milliseconds.
    #[serde(default)]
    pub latency_ms: u64,
    /// Drop open connections and close new ones at once.
    #[serde(default)]
    pub cut: bool,
}

/// What is wrong, on purpose, with a replication rule. It outlives the agent and is cleared by the default value.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReplicationFault {
    /// How long each version waits before it is copied, in milliseconds.
    #[serde(default)]
    pub lag_ms: u64,
    /// Copy nothing until healed; the queue goes on growing.
    #[serde(default)]
    pub cut: bool,
    /// Which of the waiting objects goes first.
    #[serde(default)]
    pub order: ReplicationOrder,
}

/// Which of the waiting objects is replicated first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicationOrder {
    /// Any: S3 promises no order, so none can be relied on here.
    #[default]
    Arbitrary,
    /// The worst case: objects whose last path segment is one of these (such as `latest.json`) skip the lag and arrive
    /// before the data that they point to.
    PointersFirst {
        /// Last path segments of pointer objects.
        names: Vec<String>,
    },
}

/// What happens to the data of something removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Data {
    /// The data stays on disk. A bucket that holds objects is not removed at all.
    Kept,
    /// The data is deleted.
    Deleted,
}

/// What a put did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It did not exist before.
    Created,
    /// It existed with another specification, and was stopped and started anew.
    Replaced,
    /// It existed with the same specification: nothing was done.
    Unchanged,
    /// It was removed.
    Removed,
    /// There was nothing to remove.
    Absent,
}
