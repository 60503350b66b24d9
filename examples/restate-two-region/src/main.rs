//! Restate over two regions: a node may fail and writes go on within seconds.

use serde::Deserialize;
use terrane::prelude::*;
use terrane_restate::{Cluster, MetadataStore, Node, NodeNlb, Platform, Region, Replication, SnapshotBucket};

fn main() -> ExitCode {
    terrane::main("restate-two-region", program)
}

/// What `terrane.toml` may set.
#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    regions: [String; 2],
    nodes_per_region: u8,
}

impl Default for Settings {
    fn default() -> Self {
        Self { regions: ["us-east-1", "eu-central-1"].map(str::to_owned), nodes_per_region: 3 }
    }
}

/// Two regions; metadata in one bucket, snapshots in a bucket a region, a balancer a node.
fn program(stack: &Stack) -> Result<()> {
    let settings: Settings = stack.config()?;
    let platform = Platform::from_config(stack)?;
    let regions = settings.regions.map(|name| stack.add(&platform, Region::new(name)));
    let metadata = stack.add(&platform, MetadataStore::object_store("metadata").single_region(&regions[0]));
    let snapshots = stack.add(&platform, SnapshotBucket::replicated("snapshots", &regions));
    let mut nodes = Vec::new();
    for region in &regions {
        for index in 0..settings.nodes_per_region {
            let nlb = stack.add(&platform, NodeNlb::new(region, index));
            nodes.push(Node::new(region, index).advertised(&nlb));
        }
    }
    let cluster = Cluster::new("demo")
        .metadata(&metadata)
        .snapshots(&snapshots)
        .replication(Replication::regions(2).nodes(3))
        .nodes(nodes);
    let cluster = stack.add(&platform, cluster);
    stack.export("ingress", &cluster.ingress_urls);
    stack.export("admin", &cluster.admin_urls);
    Ok(())
}
