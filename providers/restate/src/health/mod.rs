//! Whether a running cluster is what was declared: every node alive, every partition led, every log replicated as
//! asked.
//!
//! Restate's own health endpoints answer long before partitions are led, so they can't say this. The tables of
//! `restatectl sql` can. This reads their rows and decides; [`ctl`](crate::ctl) fetches them.

mod rows;

use std::collections::{BTreeMap, BTreeSet};

pub use rows::{Node, Partition, Processor, Replica, Tables, Tail};

use crate::replication::Replication;
use crate::settings::Role;
use crate::topology::{NodeFacts, Topology};

/// What was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The nodes, by name.
    pub nodes: BTreeMap<String, ExpectedNode>,
    /// Copies of logs and partitions.
    pub replication: Replication,
    /// How many partitions there are; `None` takes as many as there are.
    pub partitions: Option<u16>,
}

/// What was declared of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedNode {
    /// `region` or `region.zone`, or nothing.
    pub location: Option<String>,
    /// What it does.
    pub roles: BTreeSet<Role>,
}

/// The verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether nothing is missing.
    pub healthy: bool,
    /// How far it is, for a line of progress: `4 of 6 partitions led · 6 of 6 nodes alive`.
    pub progress: String,
    /// The names of expected nodes that aren't fully at work.
    pub unhealthy_nodes: Vec<String>,
    /// What is missing, one sentence each.
    pub missing: Vec<String>,
}

impl Expected {
    /// What a topology declares.
    #[must_use]
    pub fn of(topology: &Topology) -> Self {
        let node = |node: &NodeFacts| {
            (node.name.clone(), ExpectedNode { location: node.location(), roles: node.roles.clone() })
        };
        Self {
            nodes: topology.nodes.iter().map(node).collect(),
            replication: topology.replication,
            partitions: topology.partitions,
        }
    }
}

impl Health {
    /// Whether the tables show what is expected.
    #[must_use]
    pub fn of(tables: &Tables, expected: &Expected) -> Self {
        let complaints = expected.nodes.iter().filter_map(|(name, node)| Some((name, complaint(tables, name, node)?)));
        let (unhealthy_nodes, mut missing): (Vec<String>, Vec<String>) =
            complaints.map(|(name, complaint)| (name.clone(), format!("{name} {complaint}"))).unzip();
        let unreplicated = tails(tables, expected);
        let led = leaders(tables, expected, &mut missing);
        missing.extend(replicas(tables, expected));
        missing.extend(unreplicated.iter().cloned());
        missing.extend(tables.warnings.iter().map(|warning| format!("the answer may be incomplete: {warning}")));
        let progress = progress(tables, expected, led, unreplicated.len());
        Self { healthy: missing.is_empty(), progress, unhealthy_nodes, missing }
    }
}

fn progress(tables: &Tables, expected: &Expected, led: usize, unreplicated: usize) -> String {
    let (partitions, nodes) = (partition_count(tables, expected), expected.nodes.len());
    let is_alive = |name: &&String| tables.nodes.iter().any(|node| node.name == **name && tables.is_alive(node));
    let alive = expected.nodes.keys().filter(is_alive).count();
    let mut progress = format!("{led} of {partitions} partitions led · {alive} of {nodes} nodes alive");
    if led == partitions && alive == nodes && unreplicated > 0 {
        progress.push_str(&format!(" · {} of {partitions} logs replicated", partitions.saturating_sub(unreplicated)));
    }
    progress
}

fn partition_count(tables: &Tables, expected: &Expected) -> usize {
    expected.partitions.map_or(tables.partitions.len(), usize::from)
}

/// What keeps a node from being fully at work.
fn complaint(tables: &Tables, name: &str, expected: &ExpectedNode) -> Option<String> {
    let Some(node) = tables.nodes.iter().find(|node| node.name == name) else {
        return Some("has not joined".to_owned());
    };
    let wanted = |role, state: &str, ready: &str| expected.roles.contains(&role) && state != ready;
    if node.state != "alive" {
        Some(format!("is {}", if node.state.is_empty() { "unknown" } else { &node.state }))
    } else if tables.has_restarted(node) {
        Some("has ended or restarted, which the others have not seen yet".to_owned())
    } else if wanted(Role::LogServer, &node.storage_state, "read-write") {
        Some(format!("takes no records: its storage is {}", node.storage_state))
    } else if wanted(Role::Worker, &node.worker_state, "active") {
        Some(format!("takes no partitions: its worker is {}", node.worker_state))
    } else if wanted(Role::MetadataServer, &node.metadata_server_state, "member") {
        Some("is not yet a member of the metadata store".to_owned())
    } else if expected.location.as_deref().unwrap_or_default() != node.location {
        Some(format!("is in `{}`, not in `{}`", node.location, expected.location.as_deref().unwrap_or_default()))
    } else {
        None
    }
}

/// Partitions with exactly one leader.
fn leaders(tables: &Tables, expected: &Expected, missing: &mut Vec<String>) -> usize {
    let count = partition_count(tables, expected);
    if count != tables.partitions.len() || count == 0 {
        missing.push(format!("there are {} partitions, not {count}", tables.partitions.len()));
    }
    let mut led = 0;
    for partition in &tables.partitions {
        let leads = |row: &&Processor| {
            row.partition_id == partition.partition_id && row.effective_mode.eq_ignore_ascii_case("leader")
        };
        match tables.running().filter(leads).count() {
            1 => led += 1,
            0 => missing.push(format!("partition {} has no leader", partition.partition_id)),
            several => missing.push(format!("partition {} has {several} leaders", partition.partition_id)),
        }
    }
    led
}

/// Partitions that aren't spread as asked, and processors that haven't caught up.
fn replicas(tables: &Tables, expected: &Expected) -> Vec<String> {
    let mut missing = Vec::new();
    for partition in &tables.partitions {
        let set = &partition.current_replica_set;
        if !expected.replication.is_met_by(tables.domains(rows::ids(set))) {
            missing
                .push(format!("partition {} is only on [{set}], not {}", partition.partition_id, expected.replication));
        }
        let of_partition = |id: u32| id == partition.partition_id;
        if !tables.replicas.iter().any(|replica| of_partition(replica.partition_id)) {
            missing.push(format!("partition {} has no replica set", partition.partition_id));
        }
    }
    let caught_up = |replica: &Replica| {
        tables.running().any(|row| {
            row.partition_id == replica.partition_id
                && row.plain_node_id == replica.plain_node_id
                && row.replay_status.eq_ignore_ascii_case("active")
        })
    };
    let behind = tables.replicas.iter().filter(|replica| !caught_up(replica));
    missing.extend(behind.map(|replica| {
        format!("partition {} has not caught up on {}", replica.partition_id, tables.name_of(&replica.plain_node_id))
    }));
    missing
}

/// Logs whose newest segment isn't replicated as asked. A sealed log has none: it gets one, as asked, with its next record.
fn tails(tables: &Tables, expected: &Expected) -> Vec<String> {
    let tail = |log: u32| tables.tails.iter().find(move |tail| tail.log_id == log);
    let without = tables.partitions.iter().filter(|partition| tail(partition.log()).is_none());
    let mut missing: Vec<String> = without.map(|partition| format!("log {} has no segment", partition.log())).collect();
    let sealed: BTreeSet<u32> = tables.tails.iter().filter(|tail| !tail.is_segment()).map(|tail| tail.log_id).collect();
    let open = tables.tails.iter().filter(|tail| !sealed.contains(&tail.log_id));
    missing.extend(open.filter_map(|tail| {
        if tail.replication.parse() != Ok(expected.replication) {
            Some(format!("log {} is replicated {}, not {}", tail.log_id, tail.replication, expected.replication))
        } else if !expected.replication.is_met_by(tables.domains(rows::ids(&tail.nodeset))) {
            Some(format!("log {} is only on {}, which can't hold {}", tail.log_id, tail.nodeset, expected.replication))
        } else {
            None
        }
    }));
    missing
}

#[cfg(test)]
mod tests;
