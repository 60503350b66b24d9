//! A bucket in a folder whose requests take their time, and that counts them: what S3 is to the journal, on one machine.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use terrane_state::objects::{ETag, Fault, Listed, Object, Objects, When};

/// The bucket.
pub(super) struct Bucket {
    folder: PathBuf,
    /// How long a request takes.
    latency: Duration,
    /// Taken for each write, so that a condition still holds when it is carried out.
    writing: Mutex<()>,
    requests: AtomicU64,
    writes: AtomicU64,
    commits: AtomicU64,
    sent_bytes: AtomicU64,
    reading_micros: AtomicU64,
    waiting_micros: AtomicU64,
}

/// What was asked of a bucket.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Traffic {
    pub(super) requests: u64,
    /// Those that change something.
    pub(super) writes: u64,
    /// Those that write a head.
    pub(super) commits: u64,
    pub(super) sent_bytes: u64,
    /// How long reads took, which is the transfer's share.
    pub(super) reading_seconds: f64,
    /// How long all requests took together, other than in the folder: timers round up.
    pub(super) waiting_seconds: f64,
}

impl Traffic {
    /// How long a request took, in the mean.
    pub(super) fn latency_ms(&self) -> f64 {
        self.waiting_seconds * 1000.0 / self.requests.max(1) as f64
    }
}

impl Bucket {
    pub(super) fn new(folder: PathBuf, latency: Duration) -> Self {
        Self {
            folder,
            latency,
            writing: Mutex::default(),
            requests: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            sent_bytes: AtomicU64::new(0),
            reading_micros: AtomicU64::new(0),
            waiting_micros: AtomicU64::new(0),
        }
    }

    pub(super) fn traffic(&self) -> Traffic {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Traffic {
            requests: count(&self.requests),
            writes: count(&self.writes),
            commits: count(&self.commits),
            sent_bytes: count(&self.sent_bytes),
            reading_seconds: count(&self.reading_micros) as f64 / 1e6,
            waiting_seconds: count(&self.waiting_micros) as f64 / 1e6,
        }
    }

    /// The file of an object.
    fn file(&self, key: &str) -> PathBuf {
        self.folder.join(key)
    }

    async fn request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if !self.latency.is_zero() {
            let began = Instant::now();
            tokio::time::sleep(self.latency).await;
            self.waiting_micros.fetch_add(began.elapsed().as_micros() as u64, Ordering::Relaxed);
        }
    }

    fn write(&self, key: &str, bytes: &[u8], when: &When) -> Result<ETag, Fault> {
        let _turn = self.writing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let there = fs::read(self.file(key)).ok().map(|bytes| etag(&bytes));
        match (when, there) {
            (When::Absent, Some(_)) => return Err(Fault::Precondition),
            (When::Matches(_), None) => return Err(Fault::Missing),
            (When::Matches(wanted), Some(found)) if *wanted != found => return Err(Fault::Precondition),
            _ => {}
        }
        let file = self.file(key);
        let written = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, bytes));
        written.map_err(|error| Fault::Refused(error.to_string()))?;
        Ok(etag(bytes))
    }

    fn keys(&self, folder: &str, keys: &mut Vec<String>) {
        for entry in fs::read_dir(self.file(folder)).into_iter().flatten().flatten() {
            let key = format!("{folder}{}", entry.file_name().to_string_lossy());
            match entry.path().is_dir() {
                true => self.keys(&format!("{key}/"), keys),
                false => keys.push(key),
            }
        }
    }
}

fn etag(bytes: &[u8]) -> ETag {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    ETag(format!("{:016x}", hasher.finish()))
}

#[async_trait::async_trait]
impl Objects for Bucket {
    fn place(&self) -> String {
        "s3://bench".to_owned()
    }

    async fn get(&self, key: &str, known: Option<&ETag>) -> Result<Option<Object>, Fault> {
        let began = Instant::now();
        self.request().await;
        let read = fs::read(self.file(key)).map_err(|_| Fault::Missing);
        self.reading_micros.fetch_add(began.elapsed().as_micros() as u64, Ordering::Relaxed);
        let bytes = read?;
        let etag = etag(&bytes);
        Ok((known != Some(&etag)).then(|| Object { bytes: bytes.into(), etag }))
    }

    async fn put(&self, key: &str, bytes: bytes::Bytes, when: &When) -> Result<ETag, Fault> {
        self.request().await;
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.commits.fetch_add(u64::from(key.ends_with("/head")), Ordering::Relaxed);
        self.sent_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.write(key, &bytes, when)
    }

    async fn delete(&self, key: &str) -> Result<(), Fault> {
        self.request().await;
        self.writes.fetch_add(1, Ordering::Relaxed);
        let _ = fs::remove_file(self.file(key));
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, Fault> {
        self.request().await;
        let mut keys = Vec::new();
        let folder = prefix.rfind('/').map_or("", |end| &prefix[..=end]);
        self.keys(folder, &mut keys);
        keys.retain(|key| key.starts_with(prefix));
        keys.sort();
        let listed = |key: String| {
            let bytes = fs::metadata(self.file(&key)).map_or(0, |data| data.len());
            Listed { key, bytes, age_ms: 0 }
        };
        Ok(keys.into_iter().map(listed).collect())
    }
}
