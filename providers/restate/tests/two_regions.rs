//! Two regions: made, broken in every way that leaves data, changed under load, and taken away.

use crate::{
    shape::Shape,
    support::{
        callers::{Load, add, get, value},
        processes::{self, eventually},
        rehearsal::{Rehearsal, files, free_subnets},
        service,
        watch::Cluster,
    },
};
use terrane_restate::ctl::Logs;

#[test]
fn two_regions_are_made_broken_healed_changed_and_taken_away() {
    let rehearsal = Rehearsal::new();
    let mut shape = Shape { service: Some(service::serve()), ..Shape::two_regions(free_subnets()) };
    rehearsal.shape(&shape);
    rehearsal.up();
    rehearsal.is_settled();
    let cluster = Cluster::of(&rehearsal);
    cluster.is_healthy(&shape);

    let (west, east) = (&cluster.ingresses[0], &cluster.ingresses[2]);
    assert_eq!(add(west, "kept", 1, "one"), Ok(1));
    assert_eq!(add(east, "kept", 1, "two"), Ok(2));
    assert_eq!(add(west, "kept", 1, "two"), Ok(2), "the same key adds nothing");

    rehearsal.tell("a node is killed: its supervisor heals it");
    processes::kill(&[processes::server(&rehearsal.local(), "east", "restate-1")]);
    cluster.is_healthy(&shape);
    assert_eq!(value(&cluster.ingresses, "kept"), 2);

    rehearsal.tell("the agent is killed: its servers run on, and `up` heals it");
    let (agents, servers) =
        (processes::agents(&rehearsal.region("east")), processes::servers(&rehearsal.region("east")));
    processes::kill(&agents);
    assert_eq!(processes::servers(&rehearsal.region("east")), servers);
    rehearsal.up();
    assert_eq!(processes::servers(&rehearsal.region("east")), servers);
    cluster.is_healthy(&shape);

    rehearsal.tell("a whole region is killed, agent and servers: `up` brings it back with its data");
    processes::kill(&processes::below(&rehearsal.region("east")));
    rehearsal.up();
    cluster.is_healthy(&shape);
    rehearsal.is_settled();
    assert_eq!(value(&cluster.ingresses, "kept"), 2);

    snapshots_reach_the_other_region(&rehearsal, &cluster);
    a_cut_is_seen_and_healed(&rehearsal, &cluster, &shape);

    a_setting_changes_under_load(&rehearsal, &cluster, &mut shape);
    a_service_moves(&rehearsal, &cluster, &mut shape);
    nodes_come_and_go(&rehearsal, &mut shape);
    assert_eq!(value(&cluster.ingresses, "kept"), 2);
    rehearsal.destroy();
}

/// A snapshot is written by a partition's leader into the bucket of its own region.
fn snapshots_reach_the_other_region(rehearsal: &Rehearsal, cluster: &Cluster) {
    rehearsal.tell("snapshots are made");
    let created = cluster.ask(|ctl| async move { ctl.snapshots_create(6, Logs::Kept).await }).unwrap();
    let names = |region: &str| -> String {
        files(&rehearsal.region(region)).into_keys().map(|path| format!("{}\n", path.display())).collect()
    };
    eventually("each snapshot is in both regions", || {
        let (west, east) = (names("west"), names("east"));
        created.values().all(|snapshot| west.contains(snapshot) && east.contains(snapshot))
    });
}

/// The fabric goes over the balancers, so a cut between regions cuts it.
fn a_cut_is_seen_and_healed(rehearsal: &Rehearsal, cluster: &Cluster, shape: &Shape) {
    let is_seen = |region: &str, as_what: &str| {
        cluster.states().iter().any(|(name, state)| name.ends_with(region) && state == as_what)
    };
    assert_eq!(rehearsal.run(&["local", "cut", "west", "east"]).status, 0);
    eventually("the west sees the east as dead", || is_seen("east", "dead"));
    assert_eq!(rehearsal.run(&["local", "heal", "west", "east"]).status, 0);
    cluster.is_healthy(shape);
    assert_eq!(value(&cluster.ingresses, "kept"), 2);
}

/// Nodes restart one at a time, region by region, and no acknowledged call is lost.
fn a_setting_changes_under_load(rehearsal: &Rehearsal, cluster: &Cluster, shape: &mut Shape) {
    let load = Load::begin("rollout", &cluster.ingresses);
    shape.rocksdb_mib = 320;
    rehearsal.shape(shape);
    let ran = rehearsal.up();
    cluster.has_become(shape);
    let tally = load.end(&cluster.ingresses);
    rehearsal.tell(&format!("{} calls acknowledged, the longest took {:?}", tally.acknowledged(), tally.longest));
    let mut restarted = Vec::new();
    let steps = ran.steps("local:Process");
    for pair in steps.chunks(2) {
        let [(began, one), (ended, other)] = pair else { panic!("a step without an end: {steps:?}") };
        assert_eq!((began.as_str(), ended.as_str(), one), ("step_started", "step_done", other), "{steps:?}");
        restarted.push(one.clone());
    }
    assert_eq!(ran.waits_between(&restarted), [true, true, true], "a gate was open at once after a restart");
    let node = |region: &str, index| format!("dev/rehearsal/{region}/local:Process/restate-{index}");
    assert_eq!(restarted, [node("west", 0), node("west", 1), node("east", 0), node("east", 1)]);
}

/// A service at another address is another revision: the old one is drained and goes.
fn a_service_moves(rehearsal: &Rehearsal, cluster: &Cluster, shape: &mut Shape) {
    let before = rehearsal.outputs("restate:Deployment", "counters")["id"].clone();
    shape.service = Some(service::serve());
    rehearsal.shape(shape);
    rehearsal.up();
    let after = rehearsal.outputs("restate:Deployment", "counters")["id"].clone();
    let known = get(&cluster.admins[0], "/deployments");
    assert!(known.contains(after.as_str().unwrap()) && !known.contains(before.as_str().unwrap()), "{known}");
    assert_eq!(value(&cluster.ingresses, "kept"), 2);
}

/// A third node a region comes, goes, and comes again under its name.
fn nodes_come_and_go(rehearsal: &Rehearsal, shape: &mut Shape) {
    for count in [3, 2, 3] {
        rehearsal.tell(&format!("{count} nodes a region"));
        shape.nodes_per_region = count;
        rehearsal.shape(shape);
        rehearsal.up();
        let cluster = Cluster::of(rehearsal);
        cluster.has_become(shape);
        assert_eq!(value(&cluster.ingresses, "kept"), 2);
    }
}
