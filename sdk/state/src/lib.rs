//! Where Terrane keeps state: the journal, its stores and its secrets.
//!
//! The engine writes [`Record`](terrane_core::Record)s to a [`Journal`]; the state is their fold. A [`Store`] is a place with one journal for
//! each stack: a folder ([`FileStore`]) or memory ([`MemoryStore`]).

pub mod disk;
mod error;
mod file;
mod file_keys;
mod journal;
mod memory;
pub mod objects;
mod sealer;
pub mod secrets;
mod world;

pub use disk::Holder;
pub use error::Error;
pub use file::FileStore;
pub use journal::{Held, Journal, RestorePoint, Store};
pub use memory::MemoryStore;
pub use world::{RealWorld, World};

use std::{path::PathBuf, sync::Arc};

/// Opens the store at a URL: `file:///path`.
///
/// # Errors
/// When the URL names no place that this build can reach.
pub fn open(url: &str) -> Result<Arc<dyn Store>, Error> {
    let refuse = |why: &str| Error::Place { url: url.to_owned(), why: why.to_owned() };
    match url.split_once("://") {
        Some(("file", path)) if path.starts_with('/') => Ok(Arc::new(FileStore::new(PathBuf::from(path)))),
        Some(("file", _)) => Err(refuse("write file:// and an absolute path, as in file:///home/ann/state")),
        Some(("s3", _)) => Err(refuse("state on S3 is not part of this version; use file:///path")),
        _ => Err(refuse("it is not of the form file:///path")),
    }
}
