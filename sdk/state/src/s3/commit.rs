//! The conditional write of a head, and what became of it.
//!
//! # Guarantees
//! One writer succeeds for each content of the head. A write whose answer was lost is never reported as failed unless that is certain: the head
//! is read back, and either it knows the write, or the very same bytes are sent again on the same condition, until one of both is clear.

use super::{
    bucket::{Bucket, may_pass},
    error::{Error, Result},
    head::Head,
};
use crate::objects::{ETag, Fault, Object, When};
use bytes::Bytes;
use terrane_core::planted::{Bug, planted};

/// A write that is being sent, or was sent and is not decided yet.
pub(super) struct Draft {
    pub(super) head: Head,
    bytes: Bytes,
    when: When,
    /// By the lease clock, when it was sent first.
    sent_ms: Option<u64>,
    /// Whether an attempt may have been carried out without an answer.
    in_doubt: bool,
}

/// How a write ended.
pub(super) enum Outcome {
    /// It is the head now.
    Written(Written),
    /// It was carried out, and the stack has changed hands since.
    Passed(Head),
    /// Another's write is there. Whether this one came before it can't be told any more.
    Elsewhere(Option<Head>),
}

/// A write that is the head now.
pub(super) struct Written {
    pub(super) etag: ETag,
    /// When it was sent, by the lease clock; the earliest time that it can have been.
    pub(super) sent_ms: u64,
}

/// What reading the head back shows.
enum Seen {
    Outcome(Box<Outcome>),
    /// The head that was to be replaced.
    Former,
}

impl Draft {
    /// The write that follows `former`, which was read with `etag`; `head` says what is to be different.
    pub(super) fn new(bucket: &Bucket, key: &str, former: Option<ETag>, mut head: Head) -> Result<Self> {
        let nonce = if planted(Bug::NonceReused) { 1 } else { bucket.world.random() };
        head.advance(nonce, bucket.world.now_ms());
        let bytes = head.encode(&bucket.name(key))?;
        let when = former.map_or(When::Absent, When::Matches);
        let when = if planted(Bug::CommitWithoutIfMatch) { When::Always } else { when };
        Ok(Self { head, bytes, when, sent_ms: None, in_doubt: false })
    }

    /// Sends it until it is decided.
    ///
    /// # Errors
    /// [`Error::NotWritten`] when it was certainly not carried out; [`Error::Undecided`] when that can't be found out now: it can be sent again.
    pub(super) async fn send(&mut self, bucket: &Bucket, key: &str) -> Result<Outcome> {
        let mut last = Fault::Throttled;
        // A write that is in doubt from before may be there already.
        if self.in_doubt
            && let Seen::Outcome(outcome) = self.read_back(bucket, key, &last).await?
        {
            return Ok(*outcome);
        }
        for attempt in 0..bucket.settings.attempts_max {
            if attempt > 0 {
                bucket.pause(attempt - 1).await;
            }
            let sent_ms = bucket.lease_clock_ms();
            self.sent_ms.get_or_insert(sent_ms);
            // Should the caller give up while waiting, the answer is lost too.
            let certain_before = !std::mem::replace(&mut self.in_doubt, true);
            last = match bucket.objects.put(key, self.bytes.clone(), &self.when).await {
                Ok(etag) => return Ok(Outcome::Written(Written { etag, sent_ms })),
                Err(fault) => fault,
            };
            if was_refused(&last) && certain_before {
                self.in_doubt = false;
            }
            if needs_read_back(&last) {
                if planted(Bug::PreconditionTakenAsLostWithoutReadBack) && last == Fault::Precondition {
                    return Ok(Outcome::Elsewhere(None));
                }
                if let Seen::Outcome(outcome) = self.read_back(bucket, key, &last).await? {
                    return Ok(*outcome);
                }
            }
            if !may_pass(&last, attempt + 1) && last != Fault::Precondition {
                break;
            }
        }
        Err(self.failed(bucket, key, last))
    }

    /// Looks what the head is now.
    async fn read_back(&mut self, bucket: &Bucket, key: &str, fault: &Fault) -> Result<Seen> {
        let object = match bucket.get(key).await {
            Ok(object) => object,
            Err(_) if planted(Bug::FailedReadBackTakenAsNotCommitted) => {
                return Err(Error::NotWritten { object: bucket.name(key), fault: fault.clone() }.into());
            }
            Err(error) => return Err(self.unknown(bucket, key, &error.to_string())),
        };
        match (object, &self.when) {
            (None, When::Matches(_)) => {
                Err(Error::WentBack { object: bucket.name(key), problem: "was deleted" }.into())
            }
            (None, _) => Ok(Seen::Former),
            (Some(Object { etag, .. }), When::Matches(former)) if etag == *former => Ok(Seen::Former),
            (Some(object), _) => self.judge(bucket, key, &object).map(|outcome| Seen::Outcome(Box::new(outcome))),
        }
    }

    /// Compares this write with another head than the one it was to replace.
    fn judge(&self, bucket: &Bucket, key: &str, object: &Object) -> Result<Outcome> {
        let name = bucket.name(key);
        let found = Head::decode(&name, &object.bytes)?;
        let (rev, nonce) = (self.head.rev, self.head.nonce);
        if (found.rev, found.nonce) == (rev, nonce) {
            let sent_ms = self.sent_ms.unwrap_or(0);
            return Ok(Outcome::Written(Written { etag: object.etag.clone(), sent_ms }));
        }
        if found.knows(rev, nonce) {
            return Ok(Outcome::Passed(found));
        }
        if found.rev < rev {
            return Err(Error::WentBack { object: name, problem: "was replaced by an older one" }.into());
        }
        Ok(Outcome::Elsewhere(Some(found)))
    }

    fn failed(&self, bucket: &Bucket, key: &str, fault: Fault) -> crate::Error {
        match (fault, self.in_doubt) {
            (Fault::NoBucket, false) => bucket.no_bucket(),
            (fault, false) => Error::NotWritten { object: bucket.name(key), fault }.into(),
            (fault, true) => self.unknown(bucket, key, &fault.to_string()),
        }
    }

    /// A failed look at the head is no verdict, whatever the write itself met with.
    fn unknown(&self, bucket: &Bucket, key: &str, why: &str) -> crate::Error {
        Error::Undecided { object: bucket.name(key), fault: Fault::Undecided(why.to_owned()) }.into()
    }
}

/// Whether that answer to a first attempt says that it was not carried out.
fn was_refused(fault: &Fault) -> bool {
    matches!(fault, Fault::Throttled | Fault::Denied(_) | Fault::Refused(_) | Fault::NoBucket | Fault::Precondition)
}

fn needs_read_back(fault: &Fault) -> bool {
    matches!(fault, Fault::Precondition | Fault::Undecided(_) | Fault::Denied(_) | Fault::Missing)
}
