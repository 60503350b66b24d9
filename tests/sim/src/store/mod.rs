//! The object store of a simulation: what is really in the bucket, and each process's way there through a network that fails.

pub mod broken;
mod bucket;
mod disk;
mod link;

pub use bucket::{Bucket, Change};
pub use disk::{Disk, Port};
pub use link::{Link, Observer};
