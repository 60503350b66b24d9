//! Two regions: made, broken in every way that leaves data, changed under load, and taken away.

use crate::{
    shape::Shape,
    support::{
        callers::{Load, add, value},
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
    let (agents, servers) = (processes::agents(&rehearsal.region("east")), processes::servers(&rehearsal.region("east")));
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

    rehearsal.tell("one setting changes");
    let load = Load::begin("rollout", &cluster.ingresses);
    shape.rocksdb_mib = 320;
    rehearsal.shape(&shape);
    let ran = rehearsal.up();
    let tally = load.end(&cluster.ingresses);
    rehearsal.tell(&format!("{} calls acknowledged, the longest took {:?}", tally.acknowledged(), tally.longest));
    println!("{}", ran.stdout);
    cluster.is_healthy(&shape);
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
