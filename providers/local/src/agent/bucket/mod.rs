//! The region's object storage: an S3 endpoint over folders.
//!
//! Made for clients that keep their truth in it: each object is one file, body and attributes together, which appears by one
//! rename, so a reader sees the old version or the new one, also after a kill; conditions are checked and the rename is done
//! under the key's lock, so of racing conditional writes exactly one wins. (The ready-made `s3s-fs` keeps the entity tag in a
//! second file and checks conditions without a lock, which breaks both.)
//!
//! Not here: versions, tags, access control lists, and creating buckets through S3.

mod api;
mod endpoint;
mod keys;
mod listing;
mod multipart;
mod object;
mod staging;
mod store;

pub(crate) use endpoint::Endpoint;
pub(crate) use keys::{key_of, path_of};
pub(crate) use object::Attributes;
pub(crate) use store::{Observer, Store, StoreError};
