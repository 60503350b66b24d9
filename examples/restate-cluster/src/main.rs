//! A cluster of three Restate nodes: metadata on the nodes themselves, two copies of everything, any one node may fail.

use serde::Deserialize;
use terrane::prelude::*;
use terrane_restate::{Cluster, MetadataStore, Node, Platform, Region, Replication, SnapshotBucket, settings::Bytes};

fn main() -> ExitCode {
    terrane::main("restate-cluster", program)
}

/// What `terrane.toml` may set.
#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    nodes: u8,
    snapshot_every: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { nodes: 3, snapshot_every: 1000 }
    }
}

/// One region, three nodes on the ports 8080, 28080 and 38080, snapshots every thousand records.
fn program(stack: &Stack) -> Result<()> {
    let settings: Settings = stack.config()?;
    let platform = Platform::from_config(stack)?;
    let region = stack.add(&platform, Region::new("local"));
    let metadata = stack.add(&platform, MetadataStore::replicated());
    let snapshots = stack.add(&platform, SnapshotBucket::single("snapshots", &region));
    let node = |index| {
        Node::new(&region, index)
            .named(format!("restate-{}", index + 1))
            .cpus(2.0)
            .memory(Bytes::gib(2))
            .rocksdb_memory(Bytes::mib(512))
    };
    let cluster = Cluster::new("restate-cluster")
        .metadata(&metadata)
        .snapshots(&snapshots)
        .snapshot_every(settings.snapshot_every)
        .replication(Replication::nodes(2))
        .nodes((0..settings.nodes).map(node));
    let cluster = stack.add(&platform, cluster);
    stack.export("ingress", &cluster.ingress_urls);
    stack.export("admin", &cluster.admin_urls);
    stack.export("metrics", &cluster.metrics_urls);
    Ok(())
}
