//! Terrane's local platform: real servers on one machine, in regions.
//!
//! A region is a detached daemon, the [`agent`], with a folder of its own. It runs processes, TCP balancers and an S3
//! endpoint, brings back those that die, and puts faults on them when asked: cuts, latency, lag. `up` brings the agent itself back
//! after a kill or a reboot.
//! [`client::Client`] speaks to it; [`address`] says which loopback addresses a region uses. Programs
//! use the kinds in [`resources`] on the provider [`Local`].

pub mod address;
pub mod agent;
pub mod client;
mod commands;
mod home;
mod provider;
pub mod resources;
pub mod spec;
pub mod status;
mod wire;

pub use provider::{Local, Machine, serve_if_asked};
pub use resources::{Bucket, File, NpmPackage, Process, Region, RegionRef, Replication, Rule, TcpBalancer};
pub use spec::{Limits, Readiness};
pub use wire::RefusalKind;
