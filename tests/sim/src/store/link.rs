//! One process's way to the bucket: a network on which requests and replies get lost, come late and come twice.

use super::bucket::{Bucket, Change};
use crate::{
    faults::{Fault, Faults},
    promise::Promise,
    scheduler::{Pid, Scheduler},
    story::Code,
};
use async_trait::async_trait;
use bytes::Bytes;
use std::{fmt, sync::Arc, time::Duration};
use terrane_state::objects::{self, ETag, Listed, Object, Objects, When};

/// Told of each change at the moment when it is carried out.
pub type Observer = Arc<dyn Fn(Pid, &Change) + Send + Sync>;

/// One process's way to the bucket.
#[derive(Clone)]
pub struct Link {
    /// What runs it.
    pub scheduler: Scheduler,
    /// What is really there.
    pub bucket: Arc<Bucket>,
    /// What goes wrong on the way.
    pub faults: Arc<Faults>,
    /// Who looks on.
    pub observer: Observer,
    /// Whose way it is.
    pub pid: Pid,
}

#[derive(Clone)]
enum Request {
    Get { key: String, known: Option<ETag> },
    Put { key: String, bytes: Bytes, when: When },
    Delete { key: String },
    List { prefix: String },
}

#[derive(Clone)]
enum Reply {
    Object(Option<Object>),
    Written(ETag),
    Deleted,
    Listed(Vec<Listed>),
}

type Answer = Result<Reply, objects::Fault>;

/// What any request can meet with.
const ANY: &[Fault] = &[
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::LostReply,
    Fault::LostRequest,
    Fault::ServerError,
    Fault::Throttled,
    Fault::Reset,
    Fault::Partition,
    Fault::Denied,
    Fault::Stop,
    Fault::Suspend,
];

/// What a read can meet with.
const READ: &[Fault] = &[Fault::Truncated];

/// What a write can meet with.
const WRITE: &[Fault] = &[Fault::CrashOnTheWay, Fault::Late, Fault::Duplicate];

/// What the write of a snapshot can meet with: nothing of the kind was ever seen, but a snapshot stands for records that are about to go.
const SNAPSHOT: &[Fault] = &[Fault::CrashOnTheWay, Fault::Late, Fault::Duplicate, Fault::Torn];

/// What a write on a condition can meet with.
const CONDITIONAL: &[Fault] = &[Fault::Conflict, Fault::OwnSuccess];

impl Request {
    fn code(&self) -> Code {
        let (verb, key) = match self {
            Self::Get { key, .. } => (2, key),
            Self::Put { key, .. } => (3, key),
            Self::Delete { key } => (4, key),
            Self::List { prefix } => (5, prefix),
        };
        Code(Code::of(key).0 ^ verb)
    }

    fn fits(&self) -> Vec<Fault> {
        let special: &[&[Fault]] = match self {
            Self::Get { .. } | Self::List { .. } => &[READ],
            Self::Put { key, .. } if key.contains("/snap/") => &[SNAPSHOT],
            Self::Put { when: When::Always, .. } | Self::Delete { .. } => &[WRITE],
            Self::Put { .. } => &[WRITE, CONDITIONAL],
        };
        ANY.iter().chain(special.iter().copied().flatten()).copied().collect()
    }

    /// A write of which a part is kept.
    fn torn(self) -> Self {
        match self {
            Self::Put { key, bytes, when } => Self::Put { key, bytes: bytes.slice(..bytes.len() / 2), when },
            other => other,
        }
    }

    fn apply(&self, link: &Link) -> Answer {
        let now_ms = link.scheduler.now_ms();
        match self {
            Self::Get { key, known } => link.bucket.get(key, known.as_ref()).map(Reply::Object),
            Self::Put { key, bytes, when } => {
                let etag = link.bucket.put(key, bytes.clone(), when, now_ms)?;
                (link.observer)(link.pid, &Change::Put { key: key.clone(), bytes: bytes.clone() });
                Ok(Reply::Written(etag))
            }
            Self::Delete { key } => {
                (link.observer)(link.pid, &Change::Delete { key: key.clone() });
                link.bucket.delete(key);
                Ok(Reply::Deleted)
            }
            Self::List { prefix } => Ok(Reply::Listed(link.bucket.list(prefix, now_ms))),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Get { key, known: None } => write!(f, "GET {key}"),
            Self::Get { key, known: Some(etag) } => write!(f, "GET {key} unless {}", etag.0),
            Self::Put { key, bytes, when } => {
                write!(f, "PUT {key} ({} bytes)", bytes.len())?;
                match when {
                    When::Always => Ok(()),
                    When::Absent => f.write_str(" if absent"),
                    When::Matches(etag) => write!(f, " if {}", etag.0),
                }
            }
            Self::Delete { key } => write!(f, "DELETE {key}"),
            Self::List { prefix } => write!(f, "LIST {prefix}"),
        }
    }
}

fn describe(answer: &Answer) -> String {
    match answer {
        Ok(Reply::Object(Some(object))) => format!("200, {} bytes, {}", object.bytes.len(), object.etag.0),
        Ok(Reply::Object(None)) => "304".to_owned(),
        Ok(Reply::Written(etag)) => format!("200, {}", etag.0),
        Ok(Reply::Deleted) => "204".to_owned(),
        Ok(Reply::Listed(listed)) => format!("200, {} keys", listed.len()),
        Err(fault) => fault.to_string(),
    }
}

/// An answer of which the first half arrives.
fn cut_short(answer: Answer) -> Answer {
    match answer {
        Ok(Reply::Object(Some(Object { bytes, etag }))) => {
            Ok(Reply::Object(Some(Object { bytes: bytes.slice(..bytes.len() / 2), etag })))
        }
        Ok(Reply::Listed(_)) => no_answer("the body ended too soon"),
        answer => answer,
    }
}

fn no_answer(why: &str) -> Answer {
    Err(objects::Fault::Undecided(why.to_owned()))
}

impl Link {
    async fn request(&self, request: Request) -> Answer {
        // What runs on in the poll that kills its process does nothing any more.
        if self.scheduler.is_dead(self.pid) {
            std::future::pending::<()>().await;
        }
        let fate = self.faults.fate(self.pid, self.scheduler.now_ms(), &request.fits());
        self.scheduler.tell(self.pid, request.code(), || match fate {
            None => request.to_string(),
            Some(fault) => format!("{request}    *** {fault}"),
        });
        let promise = Promise::default();
        self.deliver(request, fate, &promise);
        if self.scheduler.is_dead(self.pid) {
            std::future::pending::<()>().await;
        }
        let answer = promise.await;
        self.scheduler.tell(self.pid, Code(7), || format!("  <- {}", describe(&answer)));
        answer
    }

    /// Lets a request meet its fate.
    fn deliver(&self, request: Request, fate: Option<Fault>, promise: &Promise<Answer>) {
        let there = Duration::from_micros(2_000 + self.faults.below(8_000));
        let patience = Duration::from_millis(200 + self.faults.below(9_800));
        let late = patience + Duration::from_millis(self.faults.below(100_000));
        match fate {
            None => self.arrive(request, there, promise, |answer| answer),
            Some(Fault::Stop | Fault::Suspend) => {
                let time = Duration::from_millis(500 + self.faults.below(240_000));
                self.arrive(request, there, promise, |answer| answer);
                if fate == Some(Fault::Stop) {
                    self.scheduler.stop(self.pid, time);
                } else {
                    self.scheduler.suspend(self.pid, time);
                }
            }
            Some(Fault::CrashBefore) => self.scheduler.kill(self.pid),
            Some(Fault::CrashOnTheWay) => {
                self.arrive(request, late, &Promise::default(), |answer| answer);
                self.scheduler.kill(self.pid);
            }
            Some(Fault::CrashAfter) => {
                let link = self.clone();
                self.scheduler.after(there, move || {
                    drop(request.apply(&link));
                    link.scheduler.kill(link.pid);
                });
            }
            Some(Fault::LostReply) => self.arrive(request, there, promise, |_| no_answer("timed out")),
            Some(Fault::OwnSuccess) => self.arrive(request, there, promise, |answer| match answer {
                Ok(_) => Err(objects::Fault::Precondition),
                answer => answer,
            }),
            Some(Fault::ServerError) if self.faults.below(2) == 0 => {
                self.arrive(request, there, promise, |_| no_answer("500 InternalError"));
            }
            Some(Fault::Torn) => self.arrive(request.torn(), there, promise, |answer| answer),
            Some(Fault::Duplicate) => {
                self.arrive(request.clone(), late, &Promise::default(), |answer| answer);
                self.arrive(request, there, promise, |answer| answer);
            }
            Some(Fault::Late) => {
                self.arrive(request, late, &Promise::default(), |answer| answer);
                self.answer(patience, promise, no_answer("timed out"));
            }
            Some(Fault::Conflict) => self.answer(there, promise, Err(objects::Fault::Conflict)),
            Some(Fault::Throttled) => self.answer(there, promise, Err(objects::Fault::Throttled)),
            Some(Fault::Denied) => {
                self.answer(there, promise, Err(objects::Fault::Denied("the token has expired".to_owned())));
            }
            Some(Fault::ServerError) => self.answer(there, promise, no_answer("502 Bad Gateway")),
            Some(Fault::Reset) => self.answer(there, promise, no_answer("connection reset")),
            // Whether the length is known, and so missed, is up to the store and what stands before it.
            Some(Fault::Truncated) if self.faults.below(2) == 0 => self.arrive(request, there, promise, cut_short),
            Some(Fault::Truncated) => self.answer(there, promise, no_answer("the body ended too soon")),
            Some(_) => self.answer(patience, promise, no_answer("timed out")),
        }
    }

    /// The request arrives after a time, and its answer, changed on the way, as much later.
    fn arrive(
        &self,
        request: Request,
        after: Duration,
        promise: &Promise<Answer>,
        change: impl FnOnce(Answer) -> Answer + Send + 'static,
    ) {
        let (link, promise) = (self.clone(), promise.clone());
        self.scheduler.after(after, move || {
            let answer = change(request.apply(&link));
            let back = Duration::from_micros(2_000 + link.faults.below(8_000));
            link.answer(back, &promise, answer);
        });
    }

    fn answer(&self, after: Duration, promise: &Promise<Answer>, answer: Answer) {
        let promise = promise.clone();
        self.scheduler.after(after, move || promise.keep(answer));
    }
}

/// What can't happen: an answer to another request.
fn mixed_up<T>() -> Result<T, objects::Fault> {
    Err(objects::Fault::Refused("an answer to another request".to_owned()))
}

#[async_trait]
impl Objects for Link {
    fn place(&self) -> String {
        "s3://simulated".to_owned()
    }

    async fn get(&self, key: &str, known: Option<&ETag>) -> Result<Option<Object>, objects::Fault> {
        match self.request(Request::Get { key: key.to_owned(), known: known.cloned() }).await? {
            Reply::Object(object) => Ok(object),
            _ => mixed_up(),
        }
    }

    async fn put(&self, key: &str, bytes: Bytes, when: &When) -> Result<ETag, objects::Fault> {
        match self.request(Request::Put { key: key.to_owned(), bytes, when: when.clone() }).await? {
            Reply::Written(etag) => Ok(etag),
            _ => mixed_up(),
        }
    }

    async fn delete(&self, key: &str) -> Result<(), objects::Fault> {
        match self.request(Request::Delete { key: key.to_owned() }).await? {
            Reply::Deleted => Ok(()),
            _ => mixed_up(),
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, objects::Fault> {
        match self.request(Request::List { prefix: prefix.to_owned() }).await? {
            Reply::Listed(listed) => Ok(listed),
            _ => mixed_up(),
        }
    }
}
