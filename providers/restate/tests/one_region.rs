//! One region whose nodes keep the metadata themselves: copies, members and names change, and what may not change is refused.

use crate::{
    shape::Shape,
    support::{
        callers::{Load, value},
        rehearsal::{Rehearsal, free_subnets},
        service,
        watch::Cluster,
    },
};
use terrane_restate::Replication;

#[test]
fn copies_and_members_of_a_replicated_metadata_store_change_and_names_do_not() {
    let rehearsal = Rehearsal::new();
    let mut shape = Shape { service: Some(service::serve()), ..Shape::one_region(free_subnets()) };
    rehearsal.shape(&shape);
    rehearsal.up();
    let ingresses = Cluster::of(&rehearsal).ingresses;
    let load = Load::begin("copies", &ingresses);
    for (copies, nodes) in [(3, 3), (2, 3), (2, 4), (2, 3), (2, 4)] {
        rehearsal.tell(&format!("{copies} copies on {nodes} nodes"));
        shape.replication = Replication::nodes(copies);
        shape.nodes_per_region = nodes;
        rehearsal.shape(&shape);
        rehearsal.up();
        Cluster::of(&rehearsal).has_become(&shape);
    }
    let tally = load.end(&ingresses);
    rehearsal.tell(&format!("{} calls acknowledged, the longest took {:?}", tally.acknowledged(), tally.longest));

    is_refused(&rehearsal, &Shape { names: "other".to_owned(), ..shape.clone() }, "under another one it would join");
    is_refused(&rehearsal, &Shape { zone: Some("a".to_owned()), ..shape.clone() }, "data was placed by where");
    rehearsal.shape(&shape);
    rehearsal.is_settled();
    assert_eq!(value(&ingresses, "none"), 0);
    rehearsal.destroy();
}

fn is_refused(rehearsal: &Rehearsal, shape: &Shape, why: &str) {
    rehearsal.shape(shape);
    let ran = rehearsal.run(&["up", "--yes"]);
    assert_ne!(ran.status, 0, "{}", ran.stdout);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains(why) && said.contains("restate-0"), "{said}");
}
