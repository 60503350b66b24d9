//! What goes wrong, and how often: rates drawn from the seed, crash points that are counted, and a tally for the report.

use crate::{scheduler::Pid, story::Story};
use fastrand::Rng;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $kind:ident = $name:literal, $weight:literal;)*) => {
        /// One way in which things go wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Fault {
            $($(#[doc = $doc])* $kind,)*
        }

        impl Fault {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// Its name in reports.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// How often it comes in comparison with others.
            fn weight(self) -> u32 {
                match self {
                    $(Self::$kind => $weight,)*
                }
            }
        }
    };
}

kinds! {
    /// The process dies before its request leaves.
    CrashBefore = "crash_before", 4;
    /// The process dies after its request was carried out, before the reply.
    CrashAfter = "crash_after", 4;
    /// The process dies while its request is on the way; it is carried out later.
    CrashOnTheWay = "crash_on_the_way", 2;
    /// The request is carried out, and its reply gets lost.
    LostReply = "lost_reply", 16;
    /// The request gets lost.
    LostRequest = "lost_request", 5;
    /// The request arrives long after its sender has given up.
    Late = "late", 4;
    /// The request arrives once more, later.
    Duplicate = "duplicate", 4;
    /// The store could not decide the condition (409).
    Conflict = "conflict", 4;
    /// The condition fails because the write itself was carried out before (412).
    OwnSuccess = "own_success", 5;
    /// 500 and 502: carried out or not.
    ServerError = "server_error", 5;
    /// 429 and 503: not carried out.
    Throttled = "throttled", 5;
    /// The connection is reset in the middle of a body.
    Reset = "reset", 4;
    /// The body of a reply ends too soon.
    Truncated = "truncated", 3;
    /// The store says that it has kept all of a snapshot, and has kept a part; or the process dies in the middle of a write to the disk.
    Torn = "torn_write", 3;
    /// The power goes: every process dies, and what was not synced may be lost.
    PowerLoss = "power_loss", 3;
    /// The disk fails to make something durable.
    FailedSync = "failed_sync", 2;
    /// The disk is full for a time.
    NoSpace = "no_space", 2;
    /// Nothing gets through between one process and the rest, for a time.
    Partition = "partition", 2;
    /// Credentials are refused for a time (403).
    Denied = "denied", 2;
    /// The process is stopped for a time.
    Stop = "stop", 3;
    /// The machine sleeps for a time.
    Suspend = "suspend", 2;
    /// The cloud refuses a call for good, and says that nothing was changed.
    Refused = "refused", 2;
    /// A list doesn't show an object yet. How far lists lag behind is part of the case, so that this is only counted.
    ListLag = "list_lag", 0;
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How often each fault comes, in requests out of [`Rates::WHOLE`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rates(BTreeMap<Fault, u32>);

impl Rates {
    /// What the rates are parts of.
    pub const WHOLE: u32 = 10_000;

    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::default()
    }

    /// Rates from a seed: some seeds have no fault, some only one kind, most a few.
    pub fn drawn(rng: &mut Rng) -> Self {
        let strength = [15, 40, 100, 250][rng.usize(0..4)];
        let rate = |fault: Fault, strength: u32| (fault, strength * fault.weight() / 4);
        match rng.u32(0..10) {
            0 => Self::none(),
            1..=3 => {
                let fault = Fault::ALL[rng.usize(0..Fault::ALL.len())];
                Self([rate(fault, strength * 3)].into())
            }
            _ => Self(Fault::ALL.iter().filter(|_| rng.u32(0..3) == 0).map(|fault| rate(*fault, strength)).collect()),
        }
    }

    /// The kinds that come at all.
    pub fn kinds(&self) -> impl Iterator<Item = Fault> + '_ {
        self.0.keys().copied()
    }

    /// The same without one kind.
    #[must_use]
    pub fn without(&self, fault: Fault) -> Self {
        let mut rates = self.clone();
        rates.0.remove(&fault);
        rates
    }

    fn draw(&self, rng: &mut Rng, fits: &[Fault]) -> Option<Fault> {
        let mut left = rng.u32(0..Self::WHOLE);
        for fault in fits {
            let rate = self.0.get(fault).copied().unwrap_or(0);
            if left < rate {
                return Some(*fault);
            }
            left -= rate;
        }
        None
    }
}

/// Where a process dies, or stands still: at the request of this number, counted from 1 over all processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrashPoint {
    /// The number of the request.
    pub request: u64,
    /// Whether the request was carried out.
    pub side: Side,
}

/// The side of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// It never left.
    Before,
    /// It was carried out, and nobody heard of it.
    After,
    /// It was carried out, and its sender stood still for minutes.
    Stop,
    /// The power goes, when it is a change of the disk.
    Power,
}

impl fmt::Display for CrashPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Before => "before",
            Side::After => "after",
            Side::Stop => "stops at",
            Side::Power => "power loss at",
        };
        write!(f, "{side} request {}", self.request)
    }
}

/// What is to go wrong in one simulation.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// At random.
    pub rates: Rates,
    /// At these requests.
    pub crashes: Vec<CrashPoint>,
    /// Faults that were drawn and don't come after all, by their number.
    pub spared: BTreeSet<u64>,
}

/// Decides, request by request, what goes wrong.
pub struct Faults(Mutex<Inner>);

struct Inner {
    plan: Plan,
    rng: Rng,
    calm: bool,
    requests: u64,
    drawn: u64,
    tally: BTreeMap<Fault, u64>,
    /// Until when requests of a process don't get through, and how they fail.
    cut: BTreeMap<Pid, (u64, Fault)>,
}

impl Faults {
    /// Follows a plan.
    pub fn new(plan: Plan, seed: u64) -> Self {
        let (rng, tally, cut) = (Rng::with_seed(seed), BTreeMap::new(), BTreeMap::new());
        Self(Mutex::new(Inner { plan, rng, calm: false, requests: 0, drawn: 0, tally, cut }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on nothing goes wrong.
    pub fn calm(&self) {
        let mut inner = self.inner();
        inner.calm = true;
        inner.cut.clear();
    }

    /// From now on nobody dies either.
    pub fn over(&self) {
        let mut inner = self.inner();
        inner.calm = true;
        inner.plan.crashes.clear();
    }

    /// Counts a request and says what becomes of it; `fits` are the faults that it can meet with.
    pub fn fate(&self, pid: Pid, now_ms: u64, fits: &[Fault]) -> Option<Fault> {
        let mut inner = self.inner();
        inner.requests += 1;
        let number = inner.requests;
        if let Some(crash) = inner.plan.crashes.iter().find(|crash| crash.request == number) {
            let fault = match crash.side {
                Side::After => Fault::CrashAfter,
                Side::Stop => Fault::Stop,
                Side::Power if fits.contains(&Fault::PowerLoss) => Fault::PowerLoss,
                Side::Before | Side::Power => Fault::CrashBefore,
            };
            return Some(inner.count(fault));
        }
        inner.met(pid, now_ms, fits)
    }

    /// Says what becomes of a reply.
    pub fn reply(&self, pid: Pid, now_ms: u64, fits: &[Fault]) -> Option<Fault> {
        self.inner().met(pid, now_ms, fits)
    }

    /// A number below `end`.
    pub fn below(&self, end: u64) -> u64 {
        self.inner().rng.u64(0..end.max(1))
    }

    /// How many requests there were.
    pub fn requests(&self) -> u64 {
        self.inner().requests
    }

    /// How many faults were drawn.
    pub fn drawn(&self) -> u64 {
        self.inner().drawn
    }

    /// How often each fault came.
    pub fn tally(&self) -> BTreeMap<Fault, u64> {
        self.inner().tally.clone()
    }
}

impl Inner {
    fn met(&mut self, pid: Pid, now_ms: u64, fits: &[Fault]) -> Option<Fault> {
        if self.calm {
            return None;
        }
        if let Some((until_ms, fault)) = self.cut.get(&pid).copied()
            && now_ms < until_ms
        {
            return Some(fault);
        }
        let Self { plan, rng, .. } = self;
        let fault = plan.rates.draw(rng, fits)?;
        self.drawn += 1;
        if self.plan.spared.contains(&self.drawn) {
            return None;
        }
        if matches!(fault, Fault::Partition | Fault::Denied) {
            let longest_ms = if fault == Fault::Partition { 160_000 } else { 30_000 };
            let until_ms = now_ms + self.rng.u64(500..longest_ms);
            self.cut.insert(pid, (until_ms, fault));
        }
        Some(self.count(fault))
    }

    fn count(&mut self, fault: Fault) -> Fault {
        *self.tally.entry(fault).or_default() += 1;
        fault
    }
}

/// The streams of randomness of one simulation, each from the seed alone, so that less of one leaves the others as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// The order of what is ready.
    Order,
    /// Faults.
    Faults,
    /// Programs.
    Programs,
    /// What writers do, and when.
    Writers,
    /// The randomness of processes.
    Processes,
    /// The cloud.
    Cloud,
    /// The disk.
    Disk,
}

/// A stream of a seed.
pub fn stream(seed: u64, stream: Stream) -> Rng {
    let name = [stream as u8];
    Rng::with_seed(crate::story::hash(seed ^ 0x517c_c1b7_2722_0a95, &name).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// A short note of what a case is made of, for the story's first lines.
pub fn describe(plan: &Plan, story: &Story) {
    let kinds: Vec<&str> = plan.rates.kinds().map(Fault::name).collect();
    let crashes: Vec<String> = plan.crashes.iter().map(ToString::to_string).collect();
    let text = match (kinds.is_empty(), crashes.is_empty()) {
        (true, true) => "nothing goes wrong".to_owned(),
        (true, false) => format!("crash {}", crashes.join(" and ")),
        (false, true) => format!("faults: {}", kinds.join(", ")),
        (false, false) => format!("faults: {}; crash {}", kinds.join(", "), crashes.join(" and ")),
    };
    story.tell(0, Pid::OUTSIDE, crate::story::Code(1), || text);
}
