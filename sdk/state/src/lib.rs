//! Where Terrane keeps state: the journal, its stores and its secrets.
//!
//! The engine writes [`Record`](terrane_core::Record)s to a [`Journal`]; the state is their fold. A [`Store`] is a place with one journal for
//! each stack: a folder ([`FileStore`]), a bucket ([`S3Store`]) or memory ([`MemoryStore`]).

#[cfg(any(feature = "s3", feature = "kms"))]
mod aws;
pub mod disk;
mod error;
pub mod export;
mod file;
mod file_keys;
mod journal;
mod memory;
pub mod objects;
mod private_file;
pub mod s3;
mod sealer;
pub mod secrets;
mod world;

pub use disk::Holder;
pub use error::Error;
pub use export::Export;
pub use file::{Devices, FileStore};
pub use journal::{Held, Journal, RestorePoint, Store};
pub use memory::MemoryStore;
pub use s3::S3Store;
pub use world::{CLOCKS_DIFFER_MAX, RealWorld, World};

use std::{path::PathBuf, sync::Arc};

/// Opens the store at a URL: `file:///path`, or `s3://bucket/prefix?region=…&endpoint=…&profile=…` with the feature `s3`.
///
/// # Errors
/// When the URL names no place that this build can reach.
pub fn open(url: &str) -> Result<Arc<dyn Store>, Error> {
    let refuse = |why: &str| Error::Place { url: url.to_owned(), why: why.to_owned() };
    match url.split_once("://") {
        Some(("file", path)) if path.starts_with('/') => Ok(Arc::new(FileStore::new(PathBuf::from(path)))),
        Some(("file", _)) => Err(refuse("write file:// and an absolute path, as in file:///home/ann/state")),
        Some(("s3", _)) => Ok(Arc::new(s3::open(url)?)),
        _ => Err(refuse("it is neither of the form file:///path nor s3://bucket/prefix")),
    }
}
