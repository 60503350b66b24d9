//! The kinds of the Restate provider, each in its own file.

mod cluster;
mod deployment;
mod entry;
mod membership;

pub use cluster::{ClusterState, ClusterStateDraft, ClusterStateOutputs, ExpectedNode};
pub use deployment::{Deployment, DeploymentDraft, DeploymentOutputs};
pub use entry::{NodeEntry, NodeEntryDraft, NodeEntryOutputs};
pub use membership::{Membership, MembershipDraft, MembershipOutputs};
