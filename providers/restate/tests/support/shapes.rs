//! The shapes that the stories begin with.

use crate::shape::{Place, Shape};
use terrane_restate::Replication;

impl Shape {
    /// Two regions with two nodes each, metadata in a bucket, every record in both regions.
    pub(crate) fn two_regions(first_subnet: u8) -> Self {
        Self {
            regions: ["west", "east"].map(str::to_owned).into(),
            nodes_per_region: 2,
            replication: Replication::regions(2).nodes(3),
            replicated_metadata: false,
            snapshots: true,
            rocksdb_mib: 256,
            names: "node".to_owned(),
            same_names: false,
            zone: None,
            service: None,
            platform: Place { first_subnet },
        }
    }

    /// One region with three nodes that keep the metadata themselves, two copies of every record.
    pub(crate) fn one_region(first_subnet: u8) -> Self {
        Self {
            regions: vec!["home".to_owned()],
            nodes_per_region: 3,
            replication: Replication::nodes(2),
            replicated_metadata: true,
            ..Self::two_regions(first_subnet)
        }
    }
}
