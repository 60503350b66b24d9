//! Stores that break the rules. A journal that was begun on one of them would lose writes: the probe has to refuse each.

use super::bucket::Bucket;
use crate::scheduler::{Pid, Scheduler};
use async_trait::async_trait;
use bytes::Bytes;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use terrane_state::objects::{ETag, Fault, Listed, Object, Objects, When};

/// How a store breaks the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// `If-None-Match` is not looked at.
    IgnoresIfNoneMatch,
    /// `If-Match` is not looked at.
    IgnoresIfMatch,
    /// The condition is looked at first, and the object is written a moment later.
    Racy,
    /// Conditions hold when they should not, and the other way round.
    Inverted,
    /// A read gives what was there before the last write.
    StaleReads,
    /// Every object has the same tag.
    ConstantETag,
}

impl Defect {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::IgnoresIfNoneMatch,
        Self::IgnoresIfMatch,
        Self::Racy,
        Self::Inverted,
        Self::StaleReads,
        Self::ConstantETag,
    ];
}

/// A store with a defect.
pub struct Broken {
    defect: Defect,
    scheduler: Scheduler,
    bucket: Bucket,
    former: Mutex<BTreeMap<String, Object>>,
}

impl Broken {
    /// An empty store with a defect.
    pub fn new(defect: Defect, scheduler: Scheduler) -> Arc<Self> {
        Arc::new(Self { defect, scheduler, bucket: Bucket::default(), former: Mutex::default() })
    }

    /// The keys of its objects.
    pub fn keys(&self) -> Vec<String> {
        self.bucket.list("", 0).into_iter().map(|listed| listed.key).collect()
    }

    async fn moment(&self) {
        self.scheduler.sleep(Pid::OUTSIDE, Duration::from_millis(2)).await;
    }

    fn constant() -> ETag {
        ETag("\"tag\"".to_owned())
    }

    fn tagged(&self, object: Object) -> Object {
        let etag = if self.defect == Defect::ConstantETag { Self::constant() } else { object.etag };
        Object { etag, ..object }
    }

    /// The condition as the store takes it.
    fn condition(&self, key: &str, when: &When) -> Result<When, Fault> {
        let there = self.bucket.get(key, None).ok().flatten();
        match (self.defect, when) {
            (Defect::Inverted, When::Absent) if there.is_none() => Err(Fault::Precondition),
            (Defect::Inverted, When::Matches(etag)) if there.as_ref().is_some_and(|there| there.etag == *etag) => {
                Err(Fault::Precondition)
            }
            (Defect::Inverted, _)
            | (Defect::IgnoresIfNoneMatch, When::Absent)
            | (Defect::IgnoresIfMatch, When::Matches(_)) => Ok(When::Always),
            (Defect::ConstantETag, When::Matches(etag)) if there.is_some() => {
                if *etag == Self::constant() {
                    Ok(When::Always)
                } else {
                    Err(Fault::Precondition)
                }
            }
            _ => Ok(when.clone()),
        }
    }
}

#[async_trait]
impl Objects for Broken {
    fn place(&self) -> String {
        format!("s3://broken/{:?}", self.defect)
    }

    async fn get(&self, key: &str, known: Option<&ETag>) -> Result<Option<Object>, Fault> {
        self.moment().await;
        if self.defect == Defect::StaleReads {
            let former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(object) = former.get(key) {
                return Ok((known != Some(&object.etag)).then(|| object.clone()));
            }
        }
        let object = self.bucket.get(key, None)?.map(|object| self.tagged(object));
        Ok(object.filter(|object| known != Some(&object.etag)))
    }

    async fn put(&self, key: &str, bytes: Bytes, when: &When) -> Result<ETag, Fault> {
        self.moment().await;
        let mut when = self.condition(key, when)?;
        if self.defect == Defect::Racy {
            match (&when, self.bucket.get(key, None)) {
                (When::Absent, Ok(_)) => return Err(Fault::Precondition),
                (When::Matches(_), Err(_)) => return Err(Fault::Missing),
                (When::Matches(etag), Ok(Some(there))) if there.etag != *etag => return Err(Fault::Precondition),
                _ => when = When::Always,
            }
            self.moment().await;
        }
        let former = self.bucket.get(key, None).ok().flatten();
        let etag = self.bucket.put(key, bytes, &when, self.scheduler.now_ms())?;
        if let Some(former) = former {
            self.former.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), former);
        }
        Ok(if self.defect == Defect::ConstantETag { Self::constant() } else { etag })
    }

    async fn delete(&self, key: &str) -> Result<(), Fault> {
        self.moment().await;
        self.bucket.delete(key);
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, Fault> {
        self.moment().await;
        Ok(self.bucket.list(prefix, self.scheduler.now_ms()))
    }
}
