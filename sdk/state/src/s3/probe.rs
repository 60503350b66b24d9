//! Trying out whether a store keeps what the register needs, before the first write to it. Nothing turns this off.
//!
//! The steps: an object is created where there is none, not where there is one, and not when others do so at the same moment; it is swapped on
//! the right ETag only, by one of many at the same moment, and not where it is missing; ETags change with the content; what was written is what
//! is read, and an unchanged object reads as such.

use super::{
    bucket::Bucket,
    error::{Error, Result},
    head::{Head, Proof},
    settings::ms,
};
use crate::objects::{ETag, Fault, Object, When};
use bytes::Bytes;
use futures_util::future::{join, join_all};
use std::sync::atomic::Ordering;

/// How often one request of the probe is sent before its failure counts.
const ATTEMPTS_MAX: u32 = 4;

/// Where the probe's objects are.
const FOLDER: &str = ".terrane-probe";

/// Makes sure that the store is fit before something is written to it: this process has tried it out, or the head says that one did lately. The
/// head that it gives says so.
pub(super) async fn proved(bucket: &Bucket, mut head: Head) -> Result<Head> {
    let (place, at_ms) = (bucket.objects.place(), bucket.world.now_ms());
    let longest_ms = i64::try_from(ms(bucket.settings.proof)).unwrap_or(i64::MAX);
    let is_proved = |proof: &Proof| proof.place == place && (0..longest_ms).contains(&(at_ms - proof.at_ms));
    if head.proof.as_ref().is_some_and(is_proved) {
        return Ok(head);
    }
    if !bucket.probed.load(Ordering::Relaxed) {
        probe(bucket).await?;
        bucket.probed.store(true, Ordering::Relaxed);
    }
    head.proof = Some(Proof { place, at_ms });
    Ok(head)
}

struct Probe<'a> {
    bucket: &'a Bucket,
    id: String,
}

/// Tries the store out.
///
/// # Errors
/// [`Error::Unfit`], which names the step that failed; or a request failed altogether.
async fn probe(bucket: &Bucket) -> Result<()> {
    let probe = &Probe { bucket, id: bucket.draw_id() };
    let (one_by_one, racing) = join(probe.one_by_one(), probe.racing()).await;
    // What is left of a probe harms nobody.
    join_all(["one", "none", "race"].map(|name| async move { drop(bucket.objects.delete(&probe.key(name)).await) }))
        .await;
    one_by_one.and(racing)
}

impl Probe<'_> {
    fn key(&self, name: &str) -> String {
        format!("{FOLDER}/{}-{name}", self.id)
    }

    async fn one_by_one(&self) -> Result<()> {
        let (one, none) = (self.key("one"), self.key("none"));
        let first = self.written("creating an object", &one, "1", &When::Absent).await?;
        self.refused("creating an object that exists", &one, "2", &When::Absent).await?;
        let second = self.written("swapping an object", &one, "3", &When::Matches(first.clone())).await?;
        if first == second {
            return Err(self.unfit("swapping an object", format!("two contents have the same ETag {}", first.0)));
        }
        self.refused("swapping with an ETag of the past", &one, "4", &When::Matches(first)).await?;
        self.reads("reading after a write", &one, "3").await?;
        self.unchanged(&one, &second).await?;
        self.refused("swapping an object that is missing", &none, "5", &When::Matches(second)).await
    }

    async fn racing(&self) -> Result<()> {
        let race = self.key("race");
        let created = self.race("creating an object at the same moment", &race, &When::Absent).await?;
        let swap = When::Matches(created);
        self.race("swapping an object at the same moment", &race, &swap).await?;
        Ok(())
    }

    /// A write that must succeed. A lost answer is settled by what is there: nobody else writes these objects.
    async fn written(&self, step: &'static str, key: &str, content: &str, when: &When) -> Result<ETag> {
        match self.put(key, content, when).await {
            Ok(etag) => Ok(etag),
            Err(fault @ (Fault::Undecided(_) | Fault::Precondition | Fault::Conflict)) => {
                match self.bucket.get(key).await? {
                    Some(Object { bytes, etag }) if bytes == content.as_bytes() => Ok(etag),
                    _ if fault == Fault::Precondition => Err(self.unfit(step, format!("refused: {fault}"))),
                    _ => Err(self.failed(step, key, fault)),
                }
            }
            Err(fault) => Err(self.failed(step, key, fault)),
        }
    }

    /// A write that must be refused.
    async fn refused(&self, step: &'static str, key: &str, content: &str, when: &When) -> Result<()> {
        match self.put(key, content, when).await {
            Ok(_) => Err(self.unfit(step, "it was done, and should have been refused".to_owned())),
            Err(Fault::Precondition | Fault::Conflict) => Ok(()),
            Err(Fault::Missing) if matches!(when, When::Matches(_)) => Ok(()),
            Err(fault) => Err(self.failed(step, key, fault)),
        }
    }

    async fn reads(&self, step: &'static str, key: &str, content: &str) -> Result<()> {
        match self.bucket.get(key).await? {
            Some(object) if object.bytes == content.as_bytes() => Ok(()),
            Some(_) => Err(self.unfit(step, "an older content was read".to_owned())),
            None => Err(self.unfit(step, "the object was not there".to_owned())),
        }
    }

    async fn unchanged(&self, key: &str, etag: &ETag) -> Result<()> {
        let step = "reading an object only if it changed";
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.bucket.objects.get(key, Some(etag)).await {
                Ok(None) => return Ok(()),
                Ok(Some(_)) => return Err(self.unfit(step, "it was read although it had not changed".to_owned())),
                Err(fault) if attempt < ATTEMPTS_MAX && is_passing(&fault) => self.bucket.pause(attempt - 1).await,
                Err(fault) => return Err(self.failed(step, key, fault)),
            }
        }
    }

    /// Many writes on the same condition: one succeeds, and it is the one that is read. Writers whose answer was lost may be the winner, too.
    async fn race(&self, step: &'static str, key: &str, when: &When) -> Result<ETag> {
        let racers = self.bucket.settings.probe_racers.max(2);
        let contents: Vec<String> = (0..racers).map(|racer| format!("{step} {racer}")).collect();
        let puts = contents.iter().map(|content| {
            let content = Bytes::copy_from_slice(content.as_bytes());
            self.bucket.objects.put(key, content, when)
        });
        let ends = join_all(puts).await;
        let mut winners: Vec<&String> = Vec::new();
        let mut unclear = None;
        for (content, end) in contents.iter().zip(&ends) {
            match end {
                Ok(_) => winners.push(content),
                Err(Fault::Precondition | Fault::Missing) => {}
                Err(fault) if is_passing(fault) => unclear = Some(fault.clone()),
                Err(fault) => return Err(self.failed(step, key, fault.clone())),
            }
        }
        if winners.len() > 1 {
            return Err(self.unfit(step, format!("{} of {racers} succeeded", winners.len())));
        }
        let stands = self.bucket.get(key).await?;
        let wrote = |content: &String| stands.as_ref().is_some_and(|object| object.bytes == content.as_bytes());
        let is_clear = match (winners.first(), unclear) {
            (Some(winner), _) => wrote(winner),
            (None, Some(fault)) if !contents.iter().any(wrote) => return Err(self.failed(step, key, fault)),
            (None, unclear) => unclear.is_some(),
        };
        match stands {
            Some(object) if is_clear => Ok(object.etag),
            _ if winners.is_empty() => Err(self.unfit(step, format!("none of {racers} succeeded"))),
            _ => Err(self.unfit(step, "what was read is not what the one that succeeded wrote".to_owned())),
        }
    }

    async fn put(&self, key: &str, content: &str, when: &When) -> std::result::Result<ETag, Fault> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.bucket.objects.put(key, Bytes::copy_from_slice(content.as_bytes()), when).await {
                Err(fault) if attempt < ATTEMPTS_MAX && is_passing(&fault) => self.bucket.pause(attempt - 1).await,
                ended => return ended,
            }
        }
    }

    fn unfit(&self, step: &'static str, found: String) -> crate::Error {
        Error::Unfit { place: self.bucket.objects.place(), step, found }.into()
    }

    fn failed(&self, step: &'static str, key: &str, fault: Fault) -> crate::Error {
        match fault {
            Fault::NoBucket => self.bucket.no_bucket(),
            Fault::Denied(_) | Fault::Throttled | Fault::Undecided(_) | Fault::Conflict => {
                Error::Request { action: "try out", object: self.bucket.name(key), fault }.into()
            }
            fault => self.unfit(step, format!("refused: {fault}")),
        }
    }
}

fn is_passing(fault: &Fault) -> bool {
    matches!(fault, Fault::Throttled | Fault::Undecided(_) | Fault::Conflict)
}
