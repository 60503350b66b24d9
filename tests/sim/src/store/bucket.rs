//! What is really in the bucket. It keeps its conditions strictly: each request is carried out whole, at one moment.

use bytes::Bytes;
use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hasher},
    sync::{Mutex, MutexGuard, PoisonError},
};
use terrane_state::objects::{ETag, Fault, Listed, Object, When};

/// A bucket in memory.
#[derive(Default)]
pub struct Bucket(Mutex<BTreeMap<String, Stored>>);

struct Stored {
    bytes: Bytes,
    etag: ETag,
    changed_ms: u64,
}

/// A change of the bucket, as it was carried out.
#[derive(Debug, Clone)]
pub enum Change {
    /// An object was written.
    Put {
        /// Its key.
        key: String,
        /// Its content.
        bytes: Bytes,
    },
    /// An object was deleted.
    Delete {
        /// Its key.
        key: String,
    },
}

impl Change {
    /// The key of the object.
    pub fn key(&self) -> &str {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }
}

impl Bucket {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Stored>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads an object; `None` when it is still the one that is known.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, key: &str, known: Option<&ETag>) -> Result<Option<Object>, Fault> {
        let objects = self.objects();
        let stored = objects.get(key).ok_or(Fault::Missing)?;
        let is_known = known == Some(&stored.etag);
        Ok((!is_known).then(|| Object { bytes: stored.bytes.clone(), etag: stored.etag.clone() }))
    }

    /// Writes an object, on a condition.
    ///
    /// # Errors
    /// When the condition doesn't hold.
    pub fn put(&self, key: &str, bytes: Bytes, when: &When, now_ms: u64) -> Result<ETag, Fault> {
        let mut objects = self.objects();
        match (when, objects.get(key)) {
            (When::Absent, Some(_)) => return Err(Fault::Precondition),
            (When::Matches(_), None) => return Err(Fault::Missing),
            (When::Matches(etag), Some(stored)) if stored.etag != *etag => return Err(Fault::Precondition),
            _ => {}
        }
        let etag = etag_of(&bytes);
        objects.insert(key.to_owned(), Stored { bytes, etag: etag.clone(), changed_ms: now_ms });
        Ok(etag)
    }

    /// Deletes an object.
    pub fn delete(&self, key: &str) {
        self.objects().remove(key);
    }

    /// The objects under a prefix.
    pub fn list(&self, prefix: &str, now_ms: u64) -> Vec<Listed> {
        let objects = self.objects();
        let below = objects.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix));
        let listed = |(key, stored): (&String, &Stored)| Listed {
            key: key.clone(),
            bytes: stored.bytes.len() as u64,
            age_ms: i64::try_from(now_ms.saturating_sub(stored.changed_ms)).unwrap_or(i64::MAX),
        };
        below.map(listed).collect()
    }

    /// An object's content.
    pub fn content(&self, key: &str) -> Option<Bytes> {
        self.objects().get(key).map(|stored| stored.bytes.clone())
    }
}

/// The hash of the content, as many stores have it: the same content has the same tag again.
fn etag_of(bytes: &[u8]) -> ETag {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    ETag(format!("\"{:016x}\"", hasher.finish()))
}
