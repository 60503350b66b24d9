//! The checkers. They stand outside of the system: they see each change of the bucket and of the cloud at the moment when it is carried out, and
//! hold both to the invariants I1 to I14.

mod cloud;
mod head;
mod ledger;
mod state;

pub use cloud::{Canonical, canonical};
pub use state::blank;

use crate::{
    cloud::{Call, Cloud, Verb},
    process::SECRET,
    scheduler::{Pid, Scheduler},
    store::{Bucket, Change},
    story::Code,
};
use ledger::Ledger;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use terrane_core::{Record, State};

/// What must always hold. The texts are in `docs/state.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is explained by its text")]
pub enum Invariant {
    I1,
    I2,
    I3,
    I4,
    I5,
    I6,
    I7,
    I8,
    I9,
    I10,
    I11,
    I12,
    I13,
    I14,
    /// Every simulation comes to its end, and its last `up` does everything.
    Liveness,
}

impl Invariant {
    /// The invariant in one sentence.
    pub fn text(self) -> &'static str {
        match self {
            Self::I1 => "one committed head for each revision",
            Self::I2 => "epoch and revision never go down, and a stack that changes hands changes its epoch",
            Self::I3 => "what was acknowledged is visible to every later reader",
            Self::I4 => "a snapshot is the fold of its records",
            Self::I5 => "nothing that the head refers to is ever deleted",
            Self::I6 => "each call that changes something has a durable intent and a valid lease",
            Self::I7 => "each operation reaches exactly one end",
            Self::I8 => "no object of the stack is unknown to its state",
            Self::I9 => "each live resource of the state exists",
            Self::I10 => "at most one object for each operation",
            Self::I11 => "to recover twice is to recover once, and a run without a change writes nothing",
            Self::I12 => "the cloud in the end is the one without crashes",
            Self::I13 => "no secret outside of ciphertext",
            Self::I14 => "a reader sees the state of one committed revision",
            Self::Liveness => "every run comes to its end",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub invariant: Invariant,
    /// How.
    pub text: String,
    /// When, in virtual milliseconds.
    pub at_ms: u64,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { invariant, text, at_ms } = self;
        write!(f, "{invariant} at {}.{:03} s: {text} ({})", at_ms / 1000, at_ms % 1000, invariant.text())
    }
}

/// A breach, before it has its time.
type Breach = (Invariant, String);

fn breach<T>(invariant: Invariant, text: impl Into<String>) -> Result<T, Breach> {
    Err((invariant, text.into()))
}

/// All checkers of a simulation. Clones are the same ones.
#[derive(Clone)]
pub struct Checkers(Arc<Shared>);

struct Shared {
    scheduler: Scheduler,
    bucket: Arc<Bucket>,
    cloud: Cloud,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    ledger: Ledger,
    violation: Option<Violation>,
    writes: u64,
}

impl Checkers {
    /// Checkers of a bucket and a cloud.
    pub fn new(scheduler: Scheduler, bucket: Arc<Bucket>, cloud: Cloud) -> Self {
        Self(Arc::new(Shared { scheduler, bucket, cloud, inner: Mutex::default() }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first violation; the simulation ends with it.
    pub fn violation(&self) -> Option<Violation> {
        self.inner().violation.clone()
    }

    /// How many changes of the bucket there were.
    pub fn writes(&self) -> u64 {
        self.inner().writes
    }

    /// What the records so far amount to, secrets blanked.
    pub fn state(&self) -> Arc<State> {
        self.inner().ledger.state()
    }

    /// Takes down a breach.
    pub fn report(&self, invariant: Invariant, text: impl Into<String>) {
        self.judge(&mut self.inner(), breach(invariant, text));
    }

    fn judge(&self, inner: &mut Inner, result: Result<(), Breach>) {
        if let Err((invariant, text)) = result
            && inner.violation.is_none()
        {
            let at_ms = self.0.scheduler.now_ms();
            self.0.scheduler.tell(Pid::OUTSIDE, Code(99), || format!("!!! {invariant} is broken: {text}"));
            inner.violation = Some(Violation { invariant, text, at_ms });
            self.0.scheduler.halt();
        }
    }

    /// A change of the bucket is being carried out.
    pub fn changed(&self, pid: Pid, change: &Change) {
        let mut inner = self.inner();
        inner.writes += 1;
        if let Change::Put { key, bytes } = change {
            self.judge(&mut inner, no_secret(key, bytes));
        }
        let result = match change {
            Change::Put { key, bytes } if key.ends_with("/head") => {
                let before = inner.ledger.len();
                let result = inner.ledger.wrote(pid, bytes, &self.0.bucket);
                self.tell_records(pid, &inner.ledger, before);
                result
            }
            Change::Put { .. } => Ok(()),
            Change::Delete { key } => inner.ledger.deleted(key),
        };
        self.judge(&mut inner, result);
    }

    fn tell_records(&self, pid: Pid, ledger: &Ledger, before: usize) {
        self.0.scheduler.tell(pid, Code(ledger.len() as u64), || ledger.describe(before));
    }

    /// A request that changes something reaches the cloud.
    pub fn called(&self, pid: Pid, call: &Call<'_>) {
        let mut inner = self.inner();
        let result = cloud::may_call(&inner.ledger, pid, call.verb, call.op, call.urn);
        self.judge(&mut inner, result);
    }

    /// A process begins to read: what is acknowledged by now has to show.
    pub fn reads(&self) -> u64 {
        self.inner().ledger.acknowledged()
    }

    /// A process has read a state, `None` where it saw none.
    pub fn has_read(&self, since: u64, seen: Option<&State>) {
        let mut inner = self.inner();
        let result = inner.ledger.seen(since, seen);
        self.judge(&mut inner, result);
    }

    /// Records are handed to the journal; the number of those that are durable by now.
    pub fn commits(&self) -> usize {
        self.inner().ledger.len()
    }

    /// The journal has acknowledged records.
    pub fn acknowledged(&self, since: usize, records: &[Record]) {
        let mut inner = self.inner();
        let result = inner.ledger.acknowledge(since, records);
        self.judge(&mut inner, result);
    }

    /// The journal has said that records were certainly not written.
    pub fn denied(&self, since: usize, records: &[Record]) {
        let mut inner = self.inner();
        let result = inner.ledger.deny(since, records);
        self.judge(&mut inner, result);
    }

    /// The journal has said that the process no longer holds the stack.
    pub fn lost(&self, pid: Pid, records: &[Record]) {
        let mut inner = self.inner();
        let result = inner.ledger.lost(pid, records);
        self.judge(&mut inner, result);
    }

    /// Nothing runs right now: compares the cloud with the state.
    pub fn at_rest(&self) {
        let mut inner = self.inner();
        let result = cloud::no_orphans(&inner.ledger, &self.0.cloud)
            .and_then(|()| cloud::no_twins(&self.0.cloud))
            .and_then(|()| inner.ledger.denials_hold());
        self.judge(&mut inner, result);
    }

    /// An `up` has come to a good end, and nobody has written since: every resource exists.
    pub fn settled(&self, pid: Pid) {
        let mut inner = self.inner();
        if inner.ledger.last_writer() == Some(pid) {
            let result = cloud::all_exist(&inner.ledger, &self.0.cloud).and_then(|()| inner.ledger.all_ended());
            self.judge(&mut inner, result);
        }
    }

    /// Something was shown to people.
    pub fn told(&self, text: &str) {
        self.judge(&mut self.inner(), no_secret("what was shown", text.as_bytes()));
    }
}

/// What must not be seen: the secrets of programs, and what every object of the cloud tells in secret.
const SECRETS: [&str; 2] = [SECRET, "key-of-"];

fn no_secret(place: &str, bytes: &[u8]) -> Result<(), Breach> {
    let text = String::from_utf8_lossy(bytes);
    match SECRETS.iter().find(|secret| text.contains(*secret)) {
        Some(secret) => breach(Invariant::I13, format!("{place} holds `{secret}`")),
        None => Ok(()),
    }
}

/// Whether a verb makes a new object.
fn is_create(verb: Verb) -> bool {
    verb == Verb::Create
}
