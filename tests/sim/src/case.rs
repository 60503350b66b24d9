//! A case: everything that a simulation is made of, as a value. It is drawn from a seed, or written down, and can be made smaller.

use crate::{
    faults::{CrashPoint, Rates, Stream, stream},
    program::{Program, Taste},
};
use fastrand::Rng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a person or a job of the CI asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Bring a version of the program up.
    Up,
    /// The same, looking at every object first.
    UpRefreshing,
    /// Delete everything.
    Destroy,
    /// Look at every object.
    Refresh,
    /// Plan, and no more.
    Preview,
    /// Adopt the object that stands under the name of this resource, by number, and that somebody else has made.
    Import(usize),
    /// Bring the real objects back to what the last state that was all of this version says.
    Rollback,
    /// Give this resource, by number, to the other stack.
    Move(usize),
    /// Give the stack the other one's name.
    Rename,
    /// Put every secret under another key.
    Rotate,
    /// Take the stack from whoever works on it.
    Unlock,
    /// Bring what is open to its end, and no more.
    Recover,
}

/// The stacks that there are; each case uses the first one, and some move resources to the second.
pub const STACKS: [&str; 2] = ["dev", "prod"];

/// One run that somebody starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// What is asked for.
    pub command: Command,
    /// Of which version of the program.
    pub version: usize,
    /// How long after the one before, in milliseconds.
    pub after_ms: u64,
    /// On which stack, by its place in [`STACKS`].
    #[serde(default, skip_serializing_if = "is_first")]
    pub stack: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_first(stack: &usize) -> bool {
    *stack == 0
}

impl Job {
    /// A run of a version on the first stack, at once.
    pub fn new(command: Command, version: usize) -> Self {
        Self { command, version, after_ms: 0, stack: 0 }
    }

    /// The same after a time.
    #[must_use]
    pub fn after(self, after_ms: u64) -> Self {
        Self { after_ms, ..self }
    }

    /// The same on the other stack.
    #[must_use]
    pub fn elsewhere(self) -> Self {
        Self { stack: 1 - self.stack, ..self }
    }

    /// What has the same effect where nothing was there before.
    #[must_use]
    pub fn anew(self) -> Self {
        let command = if self.command == Command::Destroy { Command::Destroy } else { Command::Up };
        Self { command, ..self }
    }
}

/// What somebody else does to the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meddling {
    /// When, in milliseconds.
    pub at_ms: u64,
    /// Which object, as a number that is taken modulo how many there are.
    pub object: usize,
    /// Whether an object of the same name takes its place.
    pub replaced: bool,
}

/// Sizes of the journal: small ones make it spill and fold often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// How many bytes of records the head carries.
    pub tail_bytes: usize,
    /// How many segments there may be.
    pub segments: usize,
    /// How long the log may be.
    pub log_bytes: u64,
    /// How many states of the past are kept.
    pub points: usize,
    /// How old garbage must be, in milliseconds.
    pub garbage_ms: u64,
}

impl Sizes {
    /// Those of production.
    pub const LARGE: Self =
        Self { tail_bytes: 64 << 10, segments: 128, log_bytes: 1 << 20, points: 20, garbage_ms: 3_600_000 };
    /// Those that make every few commits spill and fold.
    pub const SMALL: Self = Self { tail_bytes: 2_000, segments: 2, log_bytes: 3_000, points: 2, garbage_ms: 1_000 };
}

/// A case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// What the order of things, the network and the cloud follow.
    pub seed: u64,
    /// The versions of the program; the last one is brought up in the end.
    pub programs: Vec<Program>,
    /// Who runs what, one after another.
    pub writers: Vec<Vec<Job>>,
    /// What is run in the end, with nothing in its way; when empty, an `up` of the last version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last: Vec<Job>,
    /// What goes wrong at random.
    pub rates: Rates,
    /// Where a process dies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crashes: Vec<CrashPoint>,
    /// Faults that were drawn and don't come after all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub spared: BTreeSet<u64>,
    /// What others do to the cloud.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub meddling: Vec<Meddling>,
    /// Sizes of the journal.
    pub sizes: Sizes,
    /// Whether all processes run on one machine.
    pub beside: bool,
    /// Whether the state is on the disk of that machine, and not in a bucket.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disk: bool,
    /// How far the cloud's lists and references lag behind, at most, in milliseconds.
    pub lags_ms: (u64, u64),
    /// How many steps run at the same time.
    pub parallel: usize,
    /// Whether every resource has a secret.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

impl Case {
    /// One program that is brought up once, and nothing goes wrong.
    pub fn quiet(seed: u64, program: Program) -> Self {
        Self {
            seed,
            programs: vec![program],
            writers: Vec::new(),
            last: Vec::new(),
            rates: Rates::none(),
            crashes: Vec::new(),
            spared: BTreeSet::new(),
            meddling: Vec::new(),
            sizes: Sizes::LARGE,
            beside: false,
            disk: false,
            lags_ms: (0, 0),
            parallel: 64,
            secret: false,
        }
    }

    /// The case of a seed.
    pub fn drawn(seed: u64) -> Self {
        let mut rng = stream(seed, Stream::Programs);
        let taste = Taste::drawn(&mut rng);
        let mut programs = vec![taste.first(&mut rng)];
        let versions = if taste.most > 14 { 2 } else { rng.usize(1..=4) };
        for version in 1..versions {
            programs.push(taste.next(&mut rng, &programs[version - 1]));
        }
        let mut rng = stream(seed, Stream::Writers);
        let count = [1, 1, 1, 1, 2, 2, 2, 3, 4, 5][rng.usize(0..10)];
        let writers = (0..count).map(|_| jobs(&mut rng, programs.len(), count)).collect();
        let rates = Rates::drawn(&mut stream(seed, Stream::Faults));
        let meddles = rng.u32(0..8) == 0;
        let meddling = (0..rng.usize(1..4)).filter(|_| meddles).map(|_| meddle(&mut rng)).collect();
        let sizes = if rng.u32(0..3) == 0 { Sizes::LARGE } else { small(&mut rng) };
        let lags_ms = if rng.bool() { (0, 0) } else { (rng.u64(0..60_000), rng.u64(0..5_000)) };
        let parallel = [1, 2, 64, 64][rng.usize(0..4)];
        let (beside, secret, disk) = (rng.bool(), rng.u32(0..8) == 0, rng.u32(0..16) == 0);
        let quiet = Self::quiet(seed, Program::default());
        Self { programs, writers, rates, meddling, sizes, beside, disk, lags_ms, parallel, secret, ..quiet }
    }

    /// What is run in the end. Where objects were lost, it has to look at each.
    pub fn ends(&self) -> Vec<Job> {
        let command = if self.meddling.is_empty() { Command::Up } else { Command::UpRefreshing };
        match self.last.as_slice() {
            [] => vec![Job::new(command, self.programs.len().saturating_sub(1))],
            last => last.to_vec(),
        }
    }

    /// The case in which nothing happens but what is run in the end.
    #[must_use]
    pub fn alone(&self) -> Self {
        let last = self.ends().into_iter().map(Job::anew).collect();
        let (programs, quiet) = (self.programs.clone(), Self::quiet(self.seed, Program::default()));
        Self { programs, last, parallel: self.parallel, secret: self.secret, ..quiet }
    }
}

fn small(rng: &mut Rng) -> Sizes {
    Sizes {
        tail_bytes: rng.usize(500..6_000),
        segments: rng.usize(1..4),
        log_bytes: rng.u64(1_000..20_000),
        points: rng.usize(1..5),
        garbage_ms: rng.u64(0..600_000),
    }
}

fn jobs(rng: &mut Rng, versions: usize, writers: usize) -> Vec<Job> {
    let most = if writers > 1 { 2 } else { versions };
    let mut jobs = Vec::new();
    for number in 0..rng.usize(1..=most.max(1)) {
        let command = match rng.u32(0..26) {
            0 => Command::Destroy,
            1 => Command::Refresh,
            2 => Command::Preview,
            3 => Command::UpRefreshing,
            4 => Command::Rollback,
            5 => Command::Rotate,
            6 => Command::Unlock,
            _ => Command::Up,
        };
        // One writer brings up version after version; several bring up any.
        let version = if writers > 1 { rng.usize(0..versions) } else { number.min(versions - 1) };
        jobs.push(Job::new(command, version).after(rng.u64(0..if writers > 1 { 20_000 } else { 2_000 })));
    }
    jobs
}

fn meddle(rng: &mut Rng) -> Meddling {
    Meddling { at_ms: rng.u64(0..60_000), object: rng.usize(0..100), replaced: rng.bool() }
}
