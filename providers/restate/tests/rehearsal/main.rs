//! The program that the tests run: a cluster whose shape stands in `terrane.toml`.

mod shape;

use shape::Shape;
use terrane::prelude::*;
use terrane_restate::{
    Cluster, Deployment, MetadataStore, Node, NodeNlb, Platform, Region, Restate, SnapshotBucket, settings::Bytes,
};

fn main() -> ExitCode {
    terrane::main("rehearsal", program)
}

fn program(stack: &Stack) -> Result<()> {
    let shape: Shape = stack.config()?;
    let platform = Platform::from_config(stack)?;
    let regions: Vec<_> = shape.regions.iter().map(|name| stack.add(&platform, Region::new(name))).collect();
    let metadata = match shape.replicated_metadata {
        true => MetadataStore::replicated(),
        false => MetadataStore::object_store("metadata").single_region(&regions[0]),
    };
    let metadata = stack.add(&platform, metadata);
    let mut nodes = Vec::new();
    for region in &regions {
        for index in 0..shape.nodes_per_region {
            let nlb = stack.add(&platform, NodeNlb::new(region, index));
            let name = shape.name(region.name(), index);
            let node = Node::new(region, index).named(name).advertised(&nlb);
            let node = node.rocksdb_memory(Bytes::mib(shape.rocksdb_mib));
            nodes.push(match &shape.zone {
                Some(zone) => node.zone(zone),
                None => node,
            });
        }
    }
    let mut cluster = Cluster::new("demo").metadata(&metadata).replication(shape.replication).nodes(nodes);
    if shape.snapshots {
        cluster = cluster.snapshots(&stack.add(&platform, SnapshotBucket::replicated("snapshots", &regions)));
    }
    let cluster = stack.add(&platform, cluster);
    if let Some(uri) = &shape.service {
        let deployment = Deployment::new("counters").admin_urls(&cluster.admin_urls).uri(uri);
        stack.add(&stack.provider(Restate {}), deployment);
    }
    stack.export("ingress", &cluster.ingress_urls);
    Ok(())
}
