//! What a program is written with: regions, buckets, balancers, nodes, clusters. Plain structs that declare resources when they are added.

mod bucket;
mod cluster;
mod metadata;
mod nlb;
mod node;
mod region;

pub use bucket::{DeclaredBucket, SnapshotBucket};
pub use cluster::{Cluster, DeclaredCluster};
pub use metadata::{DeclaredMetadata, MetadataStore, ObjectStoreMetadata};
pub use nlb::{DeclaredNlb, NodeNlb};
pub use node::Node;
pub use region::{DeclaredRegion, Region};
