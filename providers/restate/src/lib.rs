//! Restate clusters over regions: what a cluster is made of, what its mistakes look like, and what a failure does to
//! it.
//!
//! A program is written with [`Region`], [`MetadataStore`], [`SnapshotBucket`], [`NodeNlb`], [`Node`] and [`Cluster`], added on a [`Platform`].
//! Below them everything but [`ctl`] and the resources is pure: values in, values out, no network and no clock.
//!
//! - [`settings`]: the typed `restate.toml` of a node.
//! - [`replication`] and [`topology`]: how many copies, and the places they may lie in.
//! - [`checks`]: the mistakes that are refused before anything starts.
//! - [`survivability`]: what each failure does to writes and to data.
//! - [`health`]: whether a running cluster is led and replicated as declared.
//! - [`ctl`]: the `restatectl` program, with its exit codes distrusted.

mod backend;
pub mod checks;
pub mod components;
pub mod ctl;
pub mod health;
mod http;
mod platform;
mod provider;
pub mod replication;
pub mod resources;
pub mod settings;
pub mod survivability;
pub mod topology;
mod watch;

pub use components::{Cluster, MetadataStore, Node, NodeNlb, Region, SnapshotBucket};
pub use platform::Platform;
pub use provider::Restate;
pub use replication::Replication;
pub use resources::Deployment;
pub use topology::Topology;

/// The version of Restate that is run on the local platform.
pub const RESTATE_VERSION: &str = "1.7.12";
