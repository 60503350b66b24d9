//! Mistakes, which the plan refuses before anything starts.

use crate::{
    shape::Shape,
    support::rehearsal::{Ran, Rehearsal},
};
use terrane_restate::Replication;

/// The subnet doesn't matter: nothing is started.
const SUBNET: u8 = 60;

fn preview(change: impl FnOnce(&mut Shape), arguments: &[&str]) -> Ran {
    let rehearsal = Rehearsal::new();
    let mut shape = Shape::two_regions(SUBNET);
    change(&mut shape);
    rehearsal.shape(&shape);
    let ran = rehearsal.run(&[&["preview"], arguments].concat());
    assert!(!rehearsal.local().exists(), "a preview has started something");
    ran
}

#[track_caller]
fn refused(change: impl FnOnce(&mut Shape), words: &[&str]) {
    let ran = preview(change, &[]);
    assert_eq!(ran.status, 5, "{}", ran.stdout);
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` is not in: {}", ran.stderr);
    }
}

#[test]
fn a_topology_that_can_not_work_is_refused_with_the_node_and_the_fix() {
    refused(|shape| shape.same_names = true, &["node.west", "duplicate-node-name"]);
    refused(|shape| shape.snapshots = false, &["demo", "snapshots"]);
    refused(|shape| shape.replication = Replication::regions(3).into(), &["demo", "regions"]);
    refused(|shape| shape.replication = Replication::nodes(5), &["demo", "nodes"]);
}

#[test]
fn what_a_program_claims_to_survive_can_be_insisted_on() {
    assert_eq!(preview(|_| {}, &["--check", "survives=node"]).status, 0);
    let ran = preview(|_| {}, &["--check", "survives=region"]);
    assert_eq!(ran.status, 5, "{}\n{}", ran.stdout, ran.stderr);
}
