//! The Restate provider against real servers: its own program is run as a user runs one, and the cluster is looked at from outside.
//!
//! One test at a time has a cluster: six servers are enough for a laptop.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "rehearsal/shape.rs"]
mod shape;
mod support;

mod example;
mod one_region;
mod refusals;
mod two_regions;
