//! The rows that real clusters showed, and the two predicates against an enumeration of every set of nodes.

use super::assess::Survivors;
use super::*;
use crate::replication::{Domains, Replication, Scope};
use crate::topology::{NodeFacts, sample};

const PAUSE: Writes = Writes::Pause { within: Interval::from_secs(3) };

fn outcome(topology: &Topology, failure: &Failure) -> Outcome {
    survive(topology).into_iter().find(|outcome| outcome.failure == *failure).unwrap()
}

fn region(name: &str) -> Failure {
    Failure::Region(name.to_owned())
}

#[test]
fn two_regions_that_both_hold_every_record() {
    let spreads: [Replication; 2] = [Replication::regions(2).nodes(3), Replication::regions(2).into()];
    for (nodes, replication) in [2, 3].into_iter().flat_map(|nodes| spreads.map(|spread| (nodes, spread))) {
        let topology = sample::cluster(&["use1", "euc1"], nodes, replication);
        let one = outcome(&topology, &Failure::OneNode);
        assert_eq!(
            (one.writes, one.data, one.action.as_str()),
            (PAUSE, Data::Kept, "nothing"),
            "{nodes} {replication}"
        );
        for name in ["use1", "euc1"] {
            let lost = outcome(&topology, &region(name));
            let expected = (
                Writes::Stop,
                Data::Kept,
                "bring it back, or lower the replication from the survivors with `restatectl`",
            );
            assert_eq!((lost.writes, lost.data, lost.action.as_str()), expected, "{nodes} {replication}");
        }
        let outcomes = survive(&topology);
        assert!(survives(&outcomes, Level::Node) && !survives(&outcomes, Level::Region));
    }
}

#[test]
fn two_nodes_of_different_regions_may_hold_all_copies_of_a_record() {
    let pair = Failure::TwoNodesOfDifferentRegions;
    let two = outcome(&sample::cluster(&["a", "b"], 3, Replication::regions(2)), &pair);
    assert!(matches!((two.writes, two.data), (Writes::Stop, Data::MayBeLost(_))));
    let three = outcome(&sample::cluster(&["a", "b"], 3, Replication::regions(2).nodes(3)), &pair);
    assert_eq!((three.writes, three.data), (PAUSE, Data::Kept));
}

#[test]
fn the_region_of_the_metadata_is_a_row_of_its_own() {
    let mut topology = sample::cluster(&["use1", "euc1"], 3, Replication::regions(2).nodes(3));
    topology.metadata = Metadata::ObjectStore { home: Home::Region { name: "use1".to_owned(), acknowledged: true } };
    let failures: Vec<String> = survive(&topology).iter().map(|outcome| outcome.failure.to_string()).collect();
    assert_eq!(failures, ["one node", "two nodes of a region", "two nodes, two regions", "euc1", "use1 (metadata)"]);
    let lost = outcome(&topology, &Failure::MetadataRegion("use1".to_owned()));
    assert_eq!((lost.writes, lost.action.as_str()), (Writes::Stop, "bring it back: metadata lives only there"));
    assert_eq!(lost.data.to_string(), "none if it returns");
}

#[test]
fn metadata_lost_beside_a_cluster_that_stands_stops_the_next_failover() {
    let mut topology = sample::cluster(&["a", "b", "c"], 2, Replication::regions(2));
    topology.metadata = Metadata::ObjectStore { home: Home::Region { name: "d".to_owned(), acknowledged: true } };
    let lost = outcome(&topology, &Failure::MetadataRegion("d".to_owned()));
    assert_eq!(lost.writes, Writes::StopAtFailover);
    assert!(!survives(&survive(&topology), Level::Region));
}

#[test]
fn three_nodes_with_two_copies_lose_one_but_not_two() {
    let topology = sample::raft(&["a"], 3, Replication::nodes(2));
    let one = outcome(&topology, &Failure::OneNode);
    assert_eq!((one.writes, one.data), (PAUSE, Data::Kept));
    let two = outcome(&topology, &Failure::TwoNodesOfOneRegion);
    assert_eq!(two.writes, Writes::Stop);
    assert_eq!(two.action, "bring them back: 2 of 3 metadata servers are there, and the others are no majority");
    assert!(!survive(&topology).iter().any(|outcome| outcome.failure == Failure::TwoNodesOfDifferentRegions));
}

#[test]
fn three_and_three_metadata_servers_lose_their_majority_with_a_region() {
    let lost = outcome(&sample::raft(&["a", "b"], 3, Replication::regions(2)), &region("b"));
    assert_eq!(lost.writes, Writes::Stop);
    assert!(lost.action.starts_with("bring it back: 3 of 6 metadata servers"), "{}", lost.action);
    assert!(matches!(lost.data, Data::KeptIfItReturns(_)));
}

#[test]
fn three_regions_lose_one_and_go_on() {
    for topology in [
        sample::cluster(&["a", "b", "c"], 2, Replication::regions(2)),
        sample::raft(&["a", "b", "c"], 1, Replication::regions(2)),
    ] {
        let outcomes = survive(&topology);
        assert!(survives(&outcomes, Level::Node) && survives(&outcomes, Level::Region), "{outcomes:#?}");
        assert_eq!(outcome(&topology, &region("b")).to_string_row(), ["b", "stop <= 3 s", "none", "nothing"]);
    }
}

#[test]
fn copies_that_ignore_regions_may_all_lie_in_the_one_that_fails() {
    let lost = outcome(&sample::cluster(&["a", "b"], 3, Replication::nodes(2)), &region("a"));
    assert!(matches!((lost.writes, lost.data), (Writes::Stop, Data::MayBeLost(_))));
}

#[test]
fn a_zone_of_three() {
    let mut topology = sample::cluster(&["a"], 3, Replication::zones(2));
    for (node, zone) in topology.nodes.iter_mut().zip(["1", "2", "3"]) {
        node.zone = Some(zone.to_owned());
    }
    let lost = outcome(&topology, &Failure::Zone { region: "a".to_owned(), zone: "2".to_owned() });
    assert_eq!((lost.writes, lost.data), (PAUSE, Data::Kept));
}

#[test]
fn only_known_levels_can_be_asked_for() {
    assert_eq!("region".parse(), Ok(Level::Region));
    assert!("planet".parse::<Level>().is_err());
    assert!(!survives(&[], Level::Node), "no row proves nothing");
}

/// Every cluster of up to three regions and three nodes each, every replication, every set of dead nodes: what the
/// survivors can do is what the sets of exactly so many nodes that can hold a record say.
#[test]
fn the_predicates_agree_with_every_set_that_can_hold_a_record() {
    let mut compared = 0;
    for sizes in [[1, 0, 0], [3, 0, 0], [2, 2, 0], [3, 3, 0], [1, 1, 1], [2, 2, 1], [2, 2, 2]] {
        for replication in replications() {
            let topology = cluster_of(sizes, replication);
            if !replication.is_met_by(Domains::of(&topology.nodes)) {
                continue;
            }
            let holders: Vec<u32> = masks(&topology).filter(|mask| can_hold_a_record(&topology, *mask)).collect();
            for dead in masks(&topology) {
                let flags: Vec<bool> = (0..topology.nodes.len()).map(|index| dead >> index & 1 == 1).collect();
                let left = Survivors::of(&topology, &Failure::OneNode, &flags);
                assert_eq!(
                    left.can_write,
                    holders.iter().any(|holder| holder & dead == 0),
                    "{sizes:?} {replication} {dead:b}"
                );
                assert_eq!(
                    left.can_seal,
                    holders.iter().all(|holder| holder & !dead != 0),
                    "{sizes:?} {replication} {dead:b}"
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 1_000, "{compared}");
}

fn replications() -> impl Iterator<Item = Replication> {
    (1..=3).flat_map(|region| (region..=4).map(move |node| Replication::regions(region).nodes(node)))
}

fn cluster_of(sizes: [usize; 3], replication: Replication) -> Topology {
    let mut topology = sample::cluster(&[], 0, replication);
    for (region, size) in ["a", "b", "c"].into_iter().zip(sizes) {
        topology.nodes.extend((0..size).map(|index| NodeFacts::new(format!("{region}{index}"), region, "http://x")));
    }
    topology
}

fn masks(topology: &Topology) -> impl Iterator<Item = u32> + use<> {
    0..1_u32 << topology.nodes.len()
}

/// Exactly as many nodes as there are copies, in enough regions.
fn can_hold_a_record(topology: &Topology, mask: u32) -> bool {
    let nodes: Vec<&NodeFacts> =
        topology.nodes.iter().enumerate().filter(|(index, _)| mask >> index & 1 == 1).map(|(_, node)| node).collect();
    let mut regions: Vec<&str> = nodes.iter().map(|node| node.region.as_str()).collect();
    regions.dedup();
    nodes.len() == usize::from(topology.replication.copies(Scope::Node))
        && regions.len() >= usize::from(topology.replication.copies(Scope::Region))
}

impl Outcome {
    fn to_string_row(&self) -> [String; 4] {
        [self.failure.to_string(), self.writes.to_string(), self.data.to_string(), self.action.clone()]
    }
}
