//! Rows as a real cluster of two regions and two nodes each printed them, and one thing broken at a time.

use super::*;
use crate::topology::sample;

const NODES: &str = r#"[
 {"plain_node_id":"N1","gen_node_id":"N1:2","state":"alive","name":"use1-0","address":"http://127.1.0.11:5122/","location":"use1","has_worker_role":true,"storage_state":"read-write","worker_state":"active","nodes_configuration_version":13,"binary_version":"1.7.12"},
 {"plain_node_id":"N2","gen_node_id":"N2:1","state":"alive","name":"euc1-1","location":"euc1","storage_state":"read-write","worker_state":"active"},
 {"plain_node_id":"N3","gen_node_id":"N3:1","state":"alive","name":"euc1-0","location":"euc1","storage_state":"read-write","worker_state":"active"},
 {"plain_node_id":"N4","gen_node_id":"N4:1","state":"alive","name":"use1-1","location":"use1","storage_state":"read-write","worker_state":"active"}]"#;

const TAILS: &str = r#"[
 {"log_id":0,"segment_index":1,"base_lsn":3,"kind":"replicated","loglet_id":"0_1","sequencer":"N3:1","replication":"{node: 3, region: 2}","nodeset":"[N3, N1, N2, N4]","logs_metadata_version":11},
 {"log_id":1,"segment_index":0,"kind":"replicated","replication":"{node: 3, region: 2}","nodeset":"[N3, N1, N2, N4]"}]"#;

const PROCESSORS: &str = r#"[
 {"partition_id":0,"plain_node_id":"N1","gen_node_id":"N1:2","target_mode":"leader","effective_mode":"Leader","leader_epoch":2,"leader":"N1:2","applied_log_lsn":2,"replay_status":"active"},
 {"partition_id":0,"plain_node_id":"N2","effective_mode":"Follower","replay_status":"active"},
 {"partition_id":0,"plain_node_id":"N4","effective_mode":"Follower","replay_status":"active"},
 {"partition_id":1,"plain_node_id":"N3","effective_mode":"Leader","replay_status":"active"},
 {"partition_id":1,"plain_node_id":"N1","effective_mode":"Follower","replay_status":"active"},
 {"partition_id":1,"plain_node_id":"N2","effective_mode":"Follower","replay_status":"active"}]"#;

const PARTITIONS: &str = r#"[
 {"partition_id":0,"log_id":0,"leader_gen_node_id":"N1:2","leader_epoch":"e2","v_current":1,"current_replica_set":"N4,N2,N1"},
 {"partition_id":1,"log_id":1,"current_replica_set":"N3,N1,N2"}]"#;

const REPLICAS: &str = r#"[
 {"partition_id":0,"plain_node_id":"N4","alive_gen_node_id":"N4:1","membership_version":1,"membership":"current"},
 {"partition_id":0,"plain_node_id":"N2"},{"partition_id":0,"plain_node_id":"N1"},
 {"partition_id":1,"plain_node_id":"N3"},{"partition_id":1,"plain_node_id":"N1"},{"partition_id":1,"plain_node_id":"N2"}]"#;

fn tables() -> Tables {
    Tables {
        nodes: serde_json::from_str(NODES).unwrap(),
        tails: serde_json::from_str(TAILS).unwrap(),
        processors: serde_json::from_str(PROCESSORS).unwrap(),
        replicas: serde_json::from_str(REPLICAS).unwrap(),
        partitions: serde_json::from_str(PARTITIONS).unwrap(),
        generations: BTreeMap::new(),
        warnings: Vec::new(),
    }
}

fn expected() -> Expected {
    let mut topology = sample::cluster(&["use1", "euc1"], 2, Replication::regions(2).nodes(3));
    topology.partitions = Some(2);
    Expected::of(&topology)
}

/// The verdict after one change, with the only thing that is then missing.
fn broken(change: impl FnOnce(&mut Tables)) -> (Health, String) {
    let mut tables = tables();
    change(&mut tables);
    let health = Health::of(&tables, &expected());
    assert!(!health.healthy);
    assert_eq!(health.missing.len(), 1, "{:?}", health.missing);
    let only = health.missing[0].clone();
    (health, only)
}

#[test]
fn a_cluster_as_declared_is_healthy() {
    let health = Health::of(&tables(), &expected());
    let progress = "2 of 2 partitions led · 4 of 4 nodes alive".to_owned();
    assert_eq!(health, Health { healthy: true, progress, unhealthy_nodes: Vec::new(), missing: Vec::new() });
}

#[test]
fn ids_are_looked_up_by_name_because_their_order_is_not_that_of_names() {
    let names = BTreeSet::from(["euc1-0".to_owned(), "euc1-1".to_owned(), "nobody".to_owned()]);
    assert_eq!(tables().ids(&names).collect::<Vec<_>>(), ["N2", "N3"]);
}

#[test]
fn a_node_that_is_dead_absent_or_not_at_work() {
    let (health, why) = broken(|tables| tables.nodes[1].state = "dead".to_owned());
    assert_eq!((health.unhealthy_nodes, why.as_str()), (vec!["euc1-1".to_owned()], "euc1-1 is dead"));
    assert_eq!(health.progress, "2 of 2 partitions led · 3 of 4 nodes alive");
    let (_, why) = broken(|tables| tables.nodes[2].storage_state = "provisioning".to_owned());
    assert_eq!(why, "euc1-0 takes no records: its storage is provisioning");
    let (_, why) = broken(|tables| tables.nodes[2].worker_state = "draining".to_owned());
    assert_eq!(why, "euc1-0 takes no partitions: its worker is draining");
    let mut gone = tables();
    gone.nodes.remove(3);
    let health = Health::of(&gone, &expected());
    assert_eq!(health.missing[0], "use1-1 has not joined");
}

#[test]
fn a_node_that_has_restarted_is_not_taken_for_what_it_was() {
    let own = |generation: &str| Some(generation.to_owned());
    let (health, why) = broken(|tables| drop(tables.generations.insert("euc1-1".to_owned(), own("N2:2"))));
    assert_eq!(why, "euc1-1 has ended or restarted, which the others have not seen yet");
    assert_eq!(health.progress, "2 of 2 partitions led · 3 of 4 nodes alive");
    let (_, why) = broken(|tables| drop(tables.generations.insert("euc1-1".to_owned(), None)));
    assert_eq!(why, "euc1-1 has ended or restarted, which the others have not seen yet");
    let mut stale = tables();
    stale.processors[0].gen_node_id = "N1:1".to_owned();
    let missing = Health::of(&stale, &expected()).missing;
    assert_eq!(missing, ["partition 0 has no leader", "partition 0 has not caught up on use1-0"]);
}

#[test]
fn a_partition_without_a_leader_or_with_two() {
    let (health, why) = broken(|tables| tables.processors[0].effective_mode = "Candidate".to_owned());
    assert_eq!(
        (why.as_str(), health.progress.as_str()),
        ("partition 0 has no leader", "1 of 2 partitions led · 4 of 4 nodes alive")
    );
    let (_, why) = broken(|tables| tables.processors[1].effective_mode = "Leader".to_owned());
    assert_eq!(why, "partition 0 has 2 leaders");
}

#[test]
fn a_processor_that_is_stuck_at_a_trim_gap() {
    let (_, why) = broken(|tables| tables.processors[5].replay_status = "starting".to_owned());
    assert_eq!(why, "partition 1 has not caught up on euc1-1");
}

#[test]
fn a_log_that_is_still_replicated_as_before() {
    let (health, why) = broken(|tables| tables.tails[1].replication = "{node: 2}".to_owned());
    assert_eq!(why, "log 1 is replicated {node: 2}, not {region: 2, node: 3}");
    assert_eq!(health.progress, "2 of 2 partitions led · 4 of 4 nodes alive · 1 of 2 logs replicated");
}

#[test]
fn a_sealed_log_gets_a_segment_as_asked_with_its_next_record() {
    let mut sealed = tables();
    sealed.tails[1].replication = "{node: 2}".to_owned();
    sealed.tails.push(Tail { log_id: 1, kind: "sealed".to_owned(), ..Tail::default() });
    let health = Health::of(&sealed, &expected());
    assert!(health.healthy, "{:?}", health.missing);
}

#[test]
fn a_nodeset_and_a_replica_set_within_one_region() {
    let (_, why) = broken(|tables| tables.tails[0].nodeset = "[N1, N4]".to_owned());
    assert_eq!(why, "log 0 is only on [N1, N4], which can't hold {region: 2, node: 3}");
    let (_, why) = broken(|tables| tables.partitions[0].current_replica_set = "N4,N1".to_owned());
    assert_eq!(why, "partition 0 is only on [N4,N1], not {region: 2, node: 3}");
}

#[test]
fn an_answer_that_proves_nothing() {
    let (_, why) = broken(|tables| tables.warnings.push("N2: timed out".to_owned()));
    assert_eq!(why, "the answer may be incomplete: N2: timed out");
    let empty = Health::of(&Tables::default(), &Expected { partitions: None, ..expected() });
    assert!(!empty.healthy);
    assert_eq!(empty.progress, "0 of 0 partitions led · 0 of 4 nodes alive");
}
