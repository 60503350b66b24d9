//! The kinds of the local platform, each in its own file.

mod balancer;
mod bucket;
mod file;
mod npm;
mod process;
mod region;
mod replication;

pub use balancer::{TcpBalancer, TcpBalancerDraft, TcpBalancerOutputs};
pub use bucket::{Bucket, BucketDraft, BucketOutputs};
pub use file::{File, FileDraft, FileOutputs};
pub use npm::{NpmPackage, NpmPackageDraft, NpmPackageOutputs};
pub use process::{Process, ProcessDraft, ProcessOutputs};
pub use region::{Region, RegionDraft, RegionOutputs, RegionRef};
pub use replication::{Replication, ReplicationDraft, ReplicationOutputs, Rule, RuleDraft};
