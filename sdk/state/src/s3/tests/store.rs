//! An object store in memory whose answers can be scripted, and a world whose time stands still while something runs.

use crate::{
    World,
    objects::{BucketSettings, ETag, Fault, Listed, Object, Objects, When},
};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Semaphore, time::Instant};

/// Tokio's stopped clock.
pub(super) struct TestWorld {
    began: Instant,
    drawn: AtomicU64,
}

impl TestWorld {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { began: Instant::now(), drawn: AtomicU64::new(1) })
    }
}

impl World for TestWorld {
    fn now_ms(&self) -> i64 {
        1_700_000_000_000 + self.clock_ms() as i64
    }

    fn clock_ms(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    fn lease_clock_ms(&self) -> u64 {
        self.clock_ms()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn random(&self) -> u64 {
        self.drawn.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn spawn(&self, work: BoxFuture<'static, ()>) {
        drop(tokio::spawn(work));
    }
}

/// What is done with one request.
pub(super) enum Effect {
    /// It is carried out, and that is the answer.
    Done(Fault),
    /// It is not carried out, and that is the answer.
    Refused(Fault),
    /// It is carried out after the gate has opened.
    Held(Arc<Semaphore>),
    /// Something else is written in its place.
    Torn,
}

/// A rule that a store breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breach {
    None,
    IgnoresAbsent,
    IgnoresMatch,
    Racy,
    Inverted,
    StaleReads,
    ConstantETag,
    IgnoresKnown,
}

struct Kept {
    bytes: Bytes,
    etag: u64,
    at: Instant,
}

/// The store.
pub(super) struct TestObjects {
    kept: Mutex<BTreeMap<String, Kept>>,
    before: Mutex<BTreeMap<String, Bytes>>,
    script: Mutex<Vec<(&'static str, String, Effect)>>,
    pub(super) breach: Breach,
    pub(super) settings: Mutex<BucketSettings>,
    drawn: AtomicU64,
    pub(super) puts: AtomicU64,
}

impl TestObjects {
    pub(super) fn new(breach: Breach) -> Arc<Self> {
        let (kept, before, script) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (settings, drawn, puts) = (Mutex::default(), AtomicU64::new(1), AtomicU64::new(0));
        Arc::new(Self { kept, before, script, breach, settings, drawn, puts })
    }

    /// What is to be done with the next request of that verb for a key with that in it.
    pub(super) fn on(&self, verb: &'static str, key: &str, effect: Effect) {
        self.script.lock().unwrap().push((verb, key.to_owned(), effect));
    }

    /// How many requests of that verb are still to meet something.
    pub(super) fn left(&self, verb: &str) -> usize {
        self.script.lock().unwrap().iter().filter(|(of, ..)| *of == verb).count()
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.kept.lock().unwrap().keys().cloned().collect()
    }

    pub(super) fn bytes(&self, key: &str) -> Bytes {
        self.kept.lock().unwrap()[key].bytes.clone()
    }

    /// Changes the store behind everybody's back.
    pub(super) fn set(&self, key: &str, bytes: Option<Bytes>) {
        let (mut kept, etag) = (self.kept.lock().unwrap(), self.drawn.fetch_add(1, Ordering::Relaxed));
        match bytes {
            Some(bytes) => drop(kept.insert(key.to_owned(), Kept { bytes, etag, at: Instant::now() })),
            None => drop(kept.remove(key)),
        }
    }

    async fn effect(&self, verb: &'static str, key: &str) -> Option<Effect> {
        tokio::task::yield_now().await;
        let effect = {
            let mut script = self.script.lock().unwrap();
            let found = script.iter().position(|(of, part, _)| *of == verb && key.contains(part.as_str()))?;
            script.remove(found).2
        };
        if let Effect::Held(gate) = &effect {
            gate.acquire().await.unwrap().forget();
        }
        Some(effect)
    }

    fn holds(&self, key: &str, when: &When) -> Result<(), Fault> {
        let kept = self.kept.lock().unwrap();
        let met = match (when, kept.get(key)) {
            (When::Always, _) => return Ok(()),
            (When::Absent, found) => found.is_none() || self.breach == Breach::IgnoresAbsent,
            (When::Matches(_), None) if self.breach == Breach::IgnoresMatch => true,
            (When::Matches(_), None) => return Err(Fault::Missing),
            (When::Matches(etag), Some(found)) => {
                etag.0 == found.etag.to_string() || self.breach == Breach::IgnoresMatch
            }
        };
        if met != (self.breach == Breach::Inverted) { Ok(()) } else { Err(Fault::Precondition) }
    }

    fn write(&self, key: &str, bytes: Bytes) -> ETag {
        let mut kept = self.kept.lock().unwrap();
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        let etag = if self.breach == Breach::ConstantETag { 0 } else { drawn };
        if let Some(former) = kept.insert(key.to_owned(), Kept { bytes, etag, at: Instant::now() }) {
            self.before.lock().unwrap().insert(key.to_owned(), former.bytes);
        }
        ETag(etag.to_string())
    }
}

#[async_trait]
impl Objects for TestObjects {
    fn place(&self) -> String {
        "s3://test/here".to_owned()
    }

    async fn settings(&self) -> BucketSettings {
        self.settings.lock().unwrap().clone()
    }

    async fn get(&self, key: &str, known: Option<&ETag>) -> Result<Option<Object>, Fault> {
        if let Some(Effect::Refused(fault) | Effect::Done(fault)) = self.effect("get", key).await {
            return Err(fault);
        }
        let kept = self.kept.lock().unwrap();
        let found = kept.get(key).ok_or(Fault::Missing)?;
        let etag = ETag(found.etag.to_string());
        if known == Some(&etag) && self.breach != Breach::IgnoresKnown {
            return Ok(None);
        }
        let before = self.before.lock().unwrap().get(key).cloned().filter(|_| self.breach == Breach::StaleReads);
        Ok(Some(Object { bytes: before.unwrap_or_else(|| found.bytes.clone()), etag }))
    }

    async fn put(&self, key: &str, bytes: Bytes, when: &When) -> Result<ETag, Fault> {
        self.puts.fetch_add(1, Ordering::Relaxed);
        let effect = self.effect("put", key).await;
        if let Some(Effect::Refused(fault)) = effect {
            return Err(fault);
        }
        self.holds(key, when)?;
        if self.breach == Breach::Racy {
            tokio::task::yield_now().await;
        }
        let torn = matches!(effect, Some(Effect::Torn));
        let etag = self.write(key, if torn { bytes.slice(..bytes.len() / 2) } else { bytes });
        match effect {
            Some(Effect::Done(fault)) => Err(fault),
            _ => Ok(etag),
        }
    }

    async fn delete(&self, key: &str) -> Result<(), Fault> {
        if let Some(Effect::Refused(fault)) = self.effect("delete", key).await {
            return Err(fault);
        }
        self.kept.lock().unwrap().remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, Fault> {
        if let Some(Effect::Refused(fault)) = self.effect("list", prefix).await {
            return Err(fault);
        }
        let kept = self.kept.lock().unwrap();
        let found = kept.iter().filter(|(key, _)| key.starts_with(prefix));
        let listed = |(key, kept): (&String, &Kept)| Listed {
            key: key.clone(),
            bytes: kept.bytes.len() as u64,
            age_ms: kept.at.elapsed().as_millis() as i64,
        };
        Ok(found.map(listed).collect())
    }
}
