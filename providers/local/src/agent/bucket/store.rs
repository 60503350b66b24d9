//! Buckets and objects on disk. Blocking: callers run it on threads that may block.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use super::keys::{key_of, path_of};
use super::object::{self, Attributes};
use crate::agent::slots::lock;

/// Locks that the keys of all buckets share out among themselves.
const LOCKS: usize = 256;

/// Longest key, in bytes, as in S3.
const KEY_BYTES_MAX: usize = 1024;

/// Objects of all buckets.
pub(crate) struct Store {
    root: PathBuf,
    locks: Vec<Mutex<()>>,
    next_staged: AtomicU64,
    observer: Arc<dyn Observer>,
}

/// Is told of each object version just before it appears, while its key is locked.
pub(crate) trait Observer: Send + Sync {
    /// An error keeps the version from appearing.
    fn will_appear(&self, bucket: &str, key: &str, attributes: &Attributes) -> io::Result<()>;
}

/// Why an operation on the store failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("there is no such bucket")]
    NoSuchBucket,
    #[error("there is no such object")]
    NoSuchKey,
    #[error("the key is longer than {KEY_BYTES_MAX} bytes")]
    KeyTooLong,
    #[error("the condition does not hold")]
    PreconditionFailed,
    #[error("the object store failed: {0}")]
    Io(#[from] io::Error),
}

/// Under which condition a version may appear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    Always,
    /// Only if the key has no object.
    Absent,
    /// Only if the key has an object, whichever.
    Present,
    /// Only if the key's object has this entity tag.
    Tag(String),
}

/// A body that has been written but is no object yet. Its file goes away with it.
pub(crate) struct Staged {
    pub(crate) path: PathBuf,
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Renamed away in the good case.
        let _ = fs::remove_file(&self.path);
    }
}

/// A whole version of an object, open for reading from its body's start.
pub(crate) struct Version {
    pub(crate) file: File,
    pub(crate) attributes: Attributes,
}

impl Store {
    /// Opens the store in a folder, and throws away bodies that never became objects.
    pub(crate) fn open(root: PathBuf, observer: Arc<dyn Observer>) -> io::Result<Self> {
        let staging = root.join(".staging");
        if staging.exists() {
            fs::remove_dir_all(&staging)?;
        }
        fs::create_dir_all(&staging)?;
        fs::create_dir_all(root.join(".uploads"))?;
        let locks = (0..LOCKS).map(|_| Mutex::new(())).collect();
        Ok(Self { root, locks, next_staged: AtomicU64::new(0), observer })
    }

    /// A path for a body that is being written.
    pub(super) fn stage(&self) -> Staged {
        let number = self.next_staged.fetch_add(1, Ordering::Relaxed);
        Staged { path: self.root.join(".staging").join(number.to_string()) }
    }

    /// The folder of multipart uploads in progress.
    pub(super) fn uploads(&self) -> PathBuf {
        self.root.join(".uploads")
    }

    pub(crate) fn create_bucket(&self, bucket: &str) -> io::Result<()> {
        fs::create_dir_all(self.root.join(bucket))
    }

    /// Removes a bucket with all that is in it.
    pub(crate) fn remove_bucket(&self, bucket: &str) -> io::Result<()> {
        fs::remove_dir_all(self.root.join(bucket))
    }

    pub(crate) fn buckets(&self) -> io::Result<Vec<(String, std::time::SystemTime)>> {
        let mut buckets = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') && entry.file_type()?.is_dir() {
                buckets.push((name, entry.metadata()?.modified()?));
            }
        }
        buckets.sort();
        Ok(buckets)
    }

    /// The folder of a bucket that exists.
    pub(crate) fn bucket(&self, bucket: &str) -> Result<PathBuf, StoreError> {
        let path = self.root.join(bucket);
        // Folders with a leading dot are the store's own.
        if bucket.starts_with('.') || bucket.contains('/') || !path.is_dir() {
            return Err(StoreError::NoSuchBucket);
        }
        Ok(path)
    }

    fn path(&self, bucket: &str, key: &str) -> Result<PathBuf, StoreError> {
        let bucket = self.bucket(bucket)?;
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(StoreError::KeyTooLong);
        }
        Ok(path_of(&bucket, key))
    }

    /// The file of an object.
    pub(crate) fn file(&self, bucket: &str, key: &str) -> Result<PathBuf, StoreError> {
        self.path(bucket, key)
    }

    /// Opens the current version of an object. Later writes don't change it.
    pub(crate) fn version(&self, bucket: &str, key: &str) -> Result<Version, StoreError> {
        open_version(&self.path(bucket, key)?)
    }

    /// Makes a staged body the object's current version.
    pub(crate) fn commit(
        &self,
        (bucket, key): (&str, &str),
        staged: &Staged,
        mut attributes: Attributes,
        condition: &Condition,
    ) -> Result<Attributes, StoreError> {
        let path = self.path(bucket, key)?;
        let _guard = self.lock(bucket, key);
        let current = current(&path)?;
        condition.check(current.as_ref())?;
        attributes.modified_ns = Attributes::next_modified_ns(current.as_ref());
        self.publish((bucket, key), staged, &attributes, &path)?;
        Ok(attributes)
    }

    /// Makes a copy of another region's version the current one, unless the one here is later: so all regions end with the same.
    pub(crate) fn commit_replica(
        &self,
        (bucket, key): (&str, &str),
        source: &Path,
        origin: &str,
    ) -> Result<(), StoreError> {
        let mut version = open_version(source)?;
        let path = self.path(bucket, key)?;
        if is_later(&path, &version.attributes)? {
            return Ok(());
        }
        let staged = self.stage();
        let mut copy = File::create(&staged.path)?;
        io::copy(&mut io::Read::take(&mut version.file, version.attributes.size_bytes), &mut copy)?;
        let _guard = self.lock(bucket, key);
        if is_later(&path, &version.attributes)? {
            return Ok(());
        }
        version.attributes.replica_of = Some(origin.to_owned());
        self.publish((bucket, key), &staged, &version.attributes, &path)
    }

    /// Writes the attributes and renames, with the key's lock held.
    fn publish(
        &self,
        (bucket, key): (&str, &str),
        staged: &Staged,
        attributes: &Attributes,
        path: &Path,
    ) -> Result<(), StoreError> {
        let file = File::options().write(true).open(&staged.path)?;
        object::append(&file, attributes)?;
        file.sync_data()?;
        // The bucket's own folder is never made here: a write must not bring back a bucket that was removed.
        if let Some(parent) = path.parent().filter(|parent| *parent != self.root.join(bucket)) {
            fs::create_dir_all(parent)?;
        }
        self.observer.will_appear(bucket, key, attributes)?;
        fs::rename(&staged.path, path)?;
        Ok(())
    }

    /// Deletes an object; one that is absent is no error, unless the condition asks for it.
    pub(crate) fn delete(&self, bucket: &str, key: &str, condition: &Condition) -> Result<(), StoreError> {
        let path = self.path(bucket, key)?;
        let _guard = self.lock(bucket, key);
        let current = current(&path)?;
        condition.check(current.as_ref())?;
        if current.is_some() {
            fs::remove_file(&path)?;
        }
        Ok(())
    }

    /// Runs while the key can't change.
    pub(crate) fn with_key<T>(&self, bucket: &str, key: &str, work: impl FnOnce() -> T) -> T {
        let _guard = self.lock(bucket, key);
        work()
    }

    /// All keys of a bucket, sorted, with the files of their objects.
    pub(crate) fn keys(&self, bucket: &str) -> Result<Vec<(String, PathBuf)>, StoreError> {
        let root = self.bucket(bucket)?;
        let mut keys = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Some(key) = key_of(&root, &path) {
                    keys.push((key, path));
                }
            }
        }
        keys.sort();
        Ok(keys)
    }

    /// The number of objects in a bucket and the bytes of their bodies.
    pub(crate) fn size(&self, bucket: &str) -> Result<(u64, u64), StoreError> {
        let mut size = (0, 0);
        for (_, path) in self.keys(bucket)? {
            // Deleted since it was listed, otherwise.
            if let Ok(version) = open_version(&path) {
                size = (size.0 + 1, size.1 + version.attributes.size_bytes);
            }
        }
        Ok(size)
    }

    fn lock(&self, bucket: &str, key: &str) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        (bucket, key).hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % LOCKS as u64).unwrap_or(0);
        lock(&self.locks[index])
    }
}

impl Condition {
    /// A tag asked of an object that isn't there is "not found", as in S3; every other failure is a failed precondition.
    fn check(&self, current: Option<&Attributes>) -> Result<(), StoreError> {
        match (self, current) {
            (Self::Always, _) | (Self::Absent, None) | (Self::Present, Some(_)) => Ok(()),
            (Self::Tag(tag), Some(current)) if *tag == current.e_tag => Ok(()),
            (Self::Tag(_) | Self::Present, None) => Err(StoreError::NoSuchKey),
            (Self::Absent | Self::Tag(_), Some(_)) => Err(StoreError::PreconditionFailed),
        }
    }
}

/// Opens the object in a file.
pub(super) fn open_version(path: &Path) -> Result<Version, StoreError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StoreError::NoSuchKey,
        _ => StoreError::Io(error),
    })?;
    let attributes = object::read(&file)?;
    Ok(Version { file, attributes })
}

fn current(path: &Path) -> Result<Option<Attributes>, StoreError> {
    match open_version(path) {
        Ok(version) => Ok(Some(version.attributes)),
        Err(StoreError::NoSuchKey) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the object in a file is this version or a later one.
fn is_later(path: &Path, than: &Attributes) -> Result<bool, StoreError> {
    Ok(current(path)?.is_some_and(|here| here.version() >= than.version()))
}
