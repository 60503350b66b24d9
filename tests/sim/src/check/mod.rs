//! The checkers. They stand outside of the system: they see each change of the bucket and of the cloud at the moment when it is carried out, and
//! hold both to the invariants I1 to I14.

mod cloud;
mod head;
mod ledger;
mod state;

pub use cloud::Canonical;
pub use ledger::Since;
pub use state::blank;

use crate::{
    case::STACKS,
    cloud::{Call, Cloud, Verb},
    process::SECRET,
    scheduler::{Pid, Scheduler},
    store::{Bucket, Change},
    story::Code,
};
use ledger::Ledger;
use std::{
    cell::Cell,
    collections::BTreeSet,
    fmt,
    path::Path,
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
    /// I1 to I14.
    pub const NUMBERED: [Self; 14] = [
        Self::I1,
        Self::I2,
        Self::I3,
        Self::I4,
        Self::I5,
        Self::I6,
        Self::I7,
        Self::I8,
        Self::I9,
        Self::I10,
        Self::I11,
        Self::I12,
        Self::I13,
        Self::I14,
    ];

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
            Self::I8 => "each object of a stack is known to its state, and no other stack's",
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

struct Inner {
    /// One for each of [`STACKS`].
    ledgers: [Ledger; STACKS.len()],
    violation: Option<Violation>,
    writes: u64,
}

impl Inner {
    fn ledger(&mut self, stack: &str) -> &mut Ledger {
        let place = STACKS.iter().position(|name| *name == stack).unwrap_or(0);
        &mut self.ledgers[place]
    }
}

thread_local! {
    static MUTED: Cell<Option<Invariant>> = const { Cell::new(None) };
}

/// Lets the checkers of this thread pass over an invariant, to see whether another notices; `None` ends that.
pub fn mute(invariant: Option<Invariant>) {
    MUTED.set(invariant);
}

impl Checkers {
    /// Checkers of a bucket and a cloud.
    pub fn new(scheduler: Scheduler, bucket: Arc<Bucket>, cloud: Cloud) -> Self {
        let inner = Mutex::new(Inner { ledgers: STACKS.map(Ledger::of), violation: None, writes: 0 });
        Self(Arc::new(Shared { scheduler, bucket, cloud, inner }))
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

    /// What the records of a stack so far amount to, secrets blanked.
    pub fn state(&self, stack: &str) -> Arc<State> {
        self.inner().ledger(stack).state()
    }

    /// Whether something is open in a stack.
    pub fn is_cut_off(&self, stack: &str) -> bool {
        self.inner().ledger(stack).current().is_cut_off()
    }

    /// What the cloud looks like apart from ids.
    pub fn canonical(&self) -> Canonical {
        let ids: BTreeSet<String> = self.inner().ledgers.iter().flat_map(cloud::ids).collect();
        cloud::canonical(&self.0.cloud, &ids)
    }

    /// Takes down a breach.
    pub fn report(&self, invariant: Invariant, text: impl Into<String>) {
        self.judge(&mut self.inner(), breach(invariant, text));
    }

    fn judge(&self, inner: &mut Inner, result: Result<(), Breach>) {
        if let Err((invariant, text)) = result
            && inner.violation.is_none()
            && MUTED.get() != Some(invariant)
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
        let key = change.key();
        let Some(place) = inner.ledgers.iter().position(|ledger| ledger.has(key)) else { return };
        let found = match change {
            Change::Put { bytes, .. } if inner.ledgers[place].is_head(key) => {
                let (now_ms, ledger) = (self.0.scheduler.now_ms(), &mut inner.ledgers[place]);
                let before = ledger.len();
                let found = ledger.wrote(pid, now_ms, bytes, &self.0.bucket);
                self.0.scheduler.tell(pid, Code(ledger.len() as u64), || ledger.describe(before));
                found
            }
            Change::Put { .. } => Vec::new(),
            Change::Delete { .. } => inner.ledgers[place].deleted(key).err().into_iter().collect(),
        };
        for found in found {
            self.judge(&mut inner, Err(found));
        }
    }

    /// A request that changes something reaches the cloud.
    pub fn called(&self, pid: Pid, call: &Call<'_>) {
        let mut inner = self.inner();
        let result = cloud::may_call(&inner.ledgers, pid, self.0.scheduler.now_ms(), call);
        self.judge(&mut inner, result);
    }

    /// A process begins to read a stack: what is acknowledged by now has to show.
    pub fn reads(&self, stack: &str) -> Since {
        self.inner().ledger(stack).since()
    }

    /// A process has read a state, `None` where it saw none.
    pub fn has_read(&self, stack: &str, since: Since, seen: Option<&State>) {
        let mut inner = self.inner();
        let result = inner.ledger(stack).seen(since, seen);
        self.judge(&mut inner, result);
    }

    /// Records are handed to the journal; the number of those that are durable by now.
    pub fn commits(&self, stack: &str) -> usize {
        self.inner().ledger(stack).len()
    }

    /// The journal has acknowledged records.
    pub fn acknowledged(&self, stack: &str, since: usize, records: &[Record]) {
        let mut inner = self.inner();
        let result = inner.ledger(stack).acknowledge(since, records);
        self.judge(&mut inner, result);
    }

    /// The journal has said that records were certainly not written.
    pub fn denied(&self, stack: &str, since: usize, records: &[Record]) {
        let mut inner = self.inner();
        let result = inner.ledger(stack).deny(since, records);
        self.judge(&mut inner, result);
    }

    /// The journal has said that the process no longer holds the stack.
    pub fn lost(&self, stack: &str, pid: Pid, records: &[Record]) {
        let mut inner = self.inner();
        let result = inner.ledger(stack).lost(pid, records);
        self.judge(&mut inner, result);
    }

    /// A process is about to change the disk.
    pub fn disk_changed(&self) {
        self.inner().writes += 1;
    }

    /// These bytes go to the disk.
    pub fn written(&self, path: &Path, bytes: &[u8]) {
        let place = path.display().to_string();
        self.judge(&mut self.inner(), no_secret(&place, bytes));
    }

    /// A process has locked a stack on the disk, and seen this.
    pub fn opened(&self, stack: &str, pid: Pid, seen: &State) {
        let mut inner = self.inner();
        let (former, scheduler) = (inner.ledger(stack).holder(), &self.0.scheduler);
        if let Some(former) = former.filter(|former| *former != pid && !scheduler.is_dead(*former)) {
            let text = format!("processes {} and {} hold the stack", former.0, pid.0);
            self.judge(&mut inner, breach(Invariant::I2, text));
        }
        let result = inner.ledger(stack).opened(pid, seen);
        self.judge(&mut inner, result);
    }

    /// It has let go of it.
    pub fn closed(&self, stack: &str, pid: Pid) {
        self.inner().ledger(stack).closed(pid);
    }

    /// Records are about to go to the disk.
    pub fn offered(&self, stack: &str, records: &[Record]) {
        self.inner().ledger(stack).offer(records);
    }

    /// There was no space for them.
    pub fn withdrawn(&self, stack: &str) {
        self.inner().ledger(stack).withdraw();
    }

    /// Records are durable on the disk.
    pub fn kept(&self, stack: &str, pid: Pid, records: &[Record]) {
        let mut inner = self.inner();
        let ledger = inner.ledger(stack);
        let before = ledger.len();
        let result = ledger.keep(records);
        self.0.scheduler.tell(pid, Code(ledger.len() as u64), || ledger.describe(before));
        self.judge(&mut inner, result);
    }

    /// A stack on the disk is gone.
    pub fn removed(&self, stack: &str) {
        self.inner().ledger(stack).bury();
    }

    /// Nothing runs right now: compares the cloud with the states.
    pub fn at_rest(&self) {
        let mut inner = self.inner();
        let cloud = &self.0.cloud;
        let denials = inner.ledgers.iter().try_for_each(Ledger::denials_hold);
        for result in [cloud::no_orphans(&inner.ledgers, cloud), cloud::no_twins(cloud), denials] {
            self.judge(&mut inner, result);
        }
    }

    /// A last run of a stack has come to a good end: every resource exists.
    pub fn settled(&self, stack: &str) {
        let mut inner = self.inner();
        let adopted = inner.ledger(stack).adopt_seen();
        let ended = inner.ledger(stack).all_ended();
        let ledger = inner.ledgers.iter().find(|ledger| ledger.is_of(stack));
        let exist = ledger.map_or(Ok(()), |ledger| cloud::all_exist(ledger, &inner.ledgers, &self.0.cloud));
        for result in [adopted, exist, ended] {
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
