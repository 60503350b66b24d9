//! Rows of `restatectl sql --json`: the columns that the verdict is made of. Null columns are left out of a row, hence
//! the defaults.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::replication::Domains;

/// The rows of the tables that matter, all fetched at about the same time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tables {
    /// `nodes`.
    pub nodes: Vec<Node>,
    /// `logs_tail_segments`: where each log is written now.
    pub tails: Vec<Tail>,
    /// `partition_state`: one row a processor.
    pub processors: Vec<Processor>,
    /// `partition_replica_set`: which nodes shall run a processor.
    pub replicas: Vec<Replica>,
    /// `partitions`.
    pub partitions: Vec<Partition>,
    /// The generations that nodes say they have, by name; none for one that doesn't answer. A table shows a node that has just
    /// restarted as it was before, alive, until the others notice.
    pub generations: BTreeMap<String, Option<String>>,
    /// What nodes couldn't answer: with any of these, rows may be missing.
    pub warnings: Vec<String>,
}

/// A row of `nodes`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Node {
    /// `N1`. Ids are given in the order of joining, which is not that of names.
    pub plain_node_id: String,
    /// `N1:2`: the second part grows with every start.
    pub gen_node_id: String,
    /// Its name.
    pub name: String,
    /// `alive`, `suspect` or `dead`.
    pub state: String,
    /// The advertised address.
    pub address: String,
    /// `region` or `region.zone`.
    pub location: String,
    /// `read-write` when it takes records.
    pub storage_state: String,
    /// `active` when it takes partitions.
    pub worker_state: String,
    /// `member` when it takes part in replicated metadata.
    pub metadata_server_state: String,
}

/// A row of `logs_tail_segments`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Tail {
    /// The log.
    pub log_id: u32,
    /// `replicated`, or `sealed` for the mark after the last segment of a log that nobody has written to since its sequencer went.
    pub kind: String,
    /// As text: `{node: 3, region: 2}`.
    pub replication: String,
    /// As text: `[N3, N1, N2, N4]`.
    pub nodeset: String,
}

/// A row of `partition_state`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Processor {
    /// The partition.
    pub partition_id: u32,
    /// The node it runs on.
    pub plain_node_id: String,
    /// The generation of that node which told of it.
    pub gen_node_id: String,
    /// `Leader`, `Follower` or `Candidate`.
    pub effective_mode: String,
    /// `active` once it has caught up, `starting` before.
    pub replay_status: String,
}

/// A row of `partition_replica_set`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Replica {
    /// The partition.
    pub partition_id: u32,
    /// The node that shall run a processor.
    pub plain_node_id: String,
}

/// A row of `partitions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Partition {
    /// The partition.
    pub partition_id: u32,
    /// The log it is written to; the one of the same number where it isn't said.
    pub log_id: Option<u32>,
    /// As text: `N4,N3,N1`.
    pub current_replica_set: String,
}

impl Tables {
    /// The plain ids of nodes, by their names: `N3` of `euc1-1`. Names that haven't joined are left out.
    pub fn ids<'a>(&'a self, names: &'a BTreeSet<String>) -> impl Iterator<Item = &'a str> {
        self.nodes.iter().filter(|node| names.contains(&node.name)).map(|node| node.plain_node_id.as_str())
    }

    /// The regions, zones and nodes that nodes with these ids touch.
    pub(super) fn domains<'a>(&self, ids: impl IntoIterator<Item = &'a str>) -> Domains {
        let node = |id: &str| self.nodes.iter().find(|node| node.plain_node_id == id);
        let places = ids.into_iter().filter_map(node).map(|node| match node.location.split_once('.') {
            Some((region, zone)) => (region, Some(zone)),
            None => (node.location.as_str(), None),
        });
        Domains::of_places(places)
    }

    /// Whether the others see a node as it is now, and as alive.
    pub(super) fn is_alive(&self, node: &Node) -> bool {
        node.state == "alive" && !self.has_restarted(node)
    }

    /// Whether a node has another generation than the others know of, or has ended.
    pub(super) fn has_restarted(&self, node: &Node) -> bool {
        self.generations.get(&node.name).is_some_and(|own| own.as_ref() != Some(&node.gen_node_id))
    }

    /// The rows of processors that run: those of a node's earlier generations ended with it.
    pub(super) fn running(&self) -> impl Iterator<Item = &Processor> {
        let is_over = |row: &Processor, node: &Node| {
            row.plain_node_id == node.plain_node_id
                && !row.gen_node_id.is_empty()
                && row.gen_node_id != node.gen_node_id
        };
        self.processors.iter().filter(move |row| !self.nodes.iter().any(|node| is_over(row, node)))
    }

    /// A node's name, or its id where it has none.
    pub(super) fn name_of<'a>(&'a self, id: &'a str) -> &'a str {
        self.nodes.iter().find(|node| node.plain_node_id == id).map_or(id, |node| &node.name)
    }
}

impl Tail {
    /// Whether it is a segment. What is written after the mark of a sealed log goes to a new segment, made as is then asked for.
    pub(super) fn is_segment(&self) -> bool {
        self.kind != "sealed"
    }
}

impl Partition {
    /// The log it is written to.
    pub(super) fn log(&self) -> u32 {
        self.log_id.unwrap_or(self.partition_id)
    }
}

/// The ids of `[N3, N1]` or `N3,N1`.
pub(super) fn ids(text: &str) -> impl Iterator<Item = &str> {
    text.trim_matches(['[', ']', ' ']).split(',').map(str::trim).filter(|id| !id.is_empty())
}
