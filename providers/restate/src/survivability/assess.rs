//! One failure: which nodes it takes, what the others can still do, and hence its row.

use super::{Data, Failure, Outcome, Writes};
use crate::replication::Domains;
use crate::settings::{Interval, Role};
use crate::topology::{Metadata, NodeFacts, Topology};

/// How long a leader's or sequencer's replacement was seen to hold up writes, at most.
const FAILOVER: Interval = Interval::from_secs(3);

/// The worst row among all ways in which a failure can happen; none if it can't, such as two nodes of a cluster of one.
pub(super) fn worst(topology: &Topology, failure: &Failure) -> Option<Outcome> {
    let ways = ways(topology, failure);
    let rows = ways.iter().map(|dead| row(topology, failure, &Survivors::of(topology, failure, dead)));
    // Equally bad ways have the same row, so it doesn't matter which one is kept.
    rows.max_by(|one, other| (one.writes, &one.data).cmp(&(other.writes, &other.data)))
}

/// The sets of nodes that a failure may take, each as a mask over the topology's nodes.
fn ways(topology: &Topology, failure: &Failure) -> Vec<Vec<bool>> {
    let nodes = &topology.nodes;
    let mask = |dead: &dyn Fn(usize, &NodeFacts) -> bool| -> Vec<bool> {
        nodes.iter().enumerate().map(|(index, node)| dead(index, node)).collect()
    };
    let pairs = |same_region: bool| {
        let all = (0..nodes.len()).flat_map(|one| (one + 1..nodes.len()).map(move |other| (one, other)));
        let fitting = all.filter(|(one, other)| (nodes[*one].region == nodes[*other].region) == same_region);
        fitting.map(|(one, other)| mask(&|index, _| index == one || index == other)).collect()
    };
    match failure {
        Failure::OneNode => (0..nodes.len()).map(|one| mask(&|index, _| index == one)).collect(),
        Failure::TwoNodesOfOneRegion => pairs(true),
        Failure::TwoNodesOfDifferentRegions => pairs(false),
        Failure::Zone { region, zone } => {
            vec![mask(&|_, node| node.region == *region && node.zone.as_ref() == Some(zone))]
        }
        Failure::Region(region) | Failure::MetadataRegion(region) => vec![mask(&|_, node| node.region == *region)],
    }
}

/// What is left after a failure, and what it can do.
pub(super) struct Survivors {
    /// The alive log servers can hold a record as asked.
    pub(super) can_write: bool,
    /// The dead log servers can't hold all copies of a record, so logs can be sealed and repaired and no record is
    /// lost.
    pub(super) can_seal: bool,
    /// Every partition keeps a processor.
    processors: bool,
    /// Metadata servers that died, of how many, where they no longer have a majority.
    majority_lost: Option<(usize, usize)>,
    /// The metadata's object store went with the failure.
    store_lost: bool,
    /// An admin can act, and clients can come in.
    reachable: bool,
    /// Log servers or workers died, so something must be taken over.
    took_data_nodes: bool,
}

impl Survivors {
    pub(super) fn of(topology: &Topology, failure: &Failure, dead: &[bool]) -> Self {
        let count = |role: Role, died: bool| {
            let nodes =
                topology.nodes.iter().zip(dead).filter(|(node, dead)| node.roles.contains(&role) && **dead == died);
            Domains::of(nodes.map(|(node, _)| node))
        };
        let satisfies = |role, died| topology.replication.is_met_by(count(role, died));
        let stays = |role| count(role, false).nodes > 0 || count(role, true).nodes == 0;
        let (members, members_lost) =
            (count(Role::MetadataServer, false).nodes, count(Role::MetadataServer, true).nodes);
        let no_majority = topology.metadata == Metadata::Replicated && members <= members_lost;
        Self {
            can_write: satisfies(Role::LogServer, false),
            can_seal: !satisfies(Role::LogServer, true),
            processors: !satisfies(Role::Worker, true),
            majority_lost: no_majority.then_some((members_lost, members + members_lost)),
            store_lost: matches!(failure, Failure::MetadataRegion(_)),
            reachable: stays(Role::Admin) && stays(Role::HttpIngress),
            took_data_nodes: count(Role::LogServer, true).nodes + count(Role::Worker, true).nodes > 0,
        }
    }

    fn writes(&self) -> Writes {
        let works = self.can_write && self.can_seal && self.processors && self.reachable;
        let metadata = !self.store_lost && self.majority_lost.is_none();
        match (works, metadata, self.took_data_nodes) {
            (true, true, false) => Writes::Continue,
            (true, true, true) => Writes::Pause { within: FAILOVER },
            (true, false, false) => Writes::StopAtFailover,
            (true, false, true) | (false, ..) => Writes::Stop,
        }
    }

    fn data(&self, failure: &Failure) -> Data {
        if !self.can_seal {
            Data::MayBeLost(format!("all copies of a record may be there: {failure}"))
        } else if let Failure::MetadataRegion(region) = failure {
            Data::KeptIfItReturns(format!("the metadata lives only in {region}"))
        } else if self.majority_lost.is_some() {
            Data::KeptIfItReturns("the latest metadata may be on the lost majority".to_owned())
        } else {
            Data::Kept
        }
    }
}

fn row(topology: &Topology, failure: &Failure, left: &Survivors) -> Outcome {
    let writes = left.writes();
    let action = if writes < Writes::StopAtFailover { "nothing".to_owned() } else { action(topology, failure, left) };
    Outcome { failure: failure.clone(), writes, data: left.data(failure), action }
}

/// What a person does when writes don't go on by themselves.
fn action(topology: &Topology, failure: &Failure, left: &Survivors) -> String {
    let (it, whole_place) = match failure {
        Failure::TwoNodesOfOneRegion | Failure::TwoNodesOfDifferentRegions => ("them", false),
        Failure::OneNode => ("it", false),
        Failure::Zone { .. } | Failure::Region(_) | Failure::MetadataRegion(_) => ("it", true),
    };
    if left.store_lost {
        return "bring it back: metadata lives only there".to_owned();
    }
    if let Some((lost, all)) = left.majority_lost {
        return format!("bring {it} back: {lost} of {all} metadata servers are there, and the others are no majority");
    }
    if !left.can_seal {
        return format!("bring {it} back: all copies of a record may be there");
    }
    if !left.reachable || !left.processors {
        return format!("bring {it} back: the others lack a role that the cluster needs");
    }
    // From here on the survivors hold every record, but can't hold new ones as asked.
    if whole_place {
        "bring it back, or lower the replication from the survivors with `restatectl`".to_owned()
    } else {
        format!("bring {it} back, or ask for less than {}", topology.replication)
    }
}
