//! The story of one simulation: a hash of all that happens, and the timeline for people when they ask for it.

use crate::scheduler::Pid;
use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What kind of thing happens: what the hash is made of, so that it costs nothing to compare two runs of a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code(pub u64);

impl Code {
    /// The code of a piece of text.
    pub fn of(text: &str) -> Self {
        Self(hash(0xcbf2_9ce4_8422_2325, text.as_bytes()))
    }
}

/// FNV-1a: fast, the same on each machine.
pub fn hash(seed: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(seed, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The story of one simulation. Clones tell the same one.
#[derive(Clone)]
pub struct Story(Arc<Mutex<Inner>>);

struct Inner {
    hash: u64,
    lines: Option<Vec<Line>>,
    names: BTreeMap<Pid, String>,
}

struct Line {
    at_us: u64,
    pid: Pid,
    text: String,
}

/// Whether the timeline is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// Only the hash.
    Silent,
    /// Every line.
    Aloud,
}

impl Story {
    /// The beginning of a story.
    pub fn new(telling: Telling) -> Self {
        let lines = (telling == Telling::Aloud).then(Vec::new);
        Self(Arc::new(Mutex::new(Inner { hash: 0, lines, names: BTreeMap::new() })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a process the name that the timeline calls it by.
    pub fn name(&self, pid: Pid, name: impl FnOnce() -> String) {
        let mut inner = self.inner();
        if inner.lines.is_some() {
            inner.names.insert(pid, name());
        }
    }

    /// Goes on with the story.
    pub fn tell(&self, at_us: u64, pid: Pid, code: Code, text: impl FnOnce() -> String) {
        let mut inner = self.inner();
        for part in [at_us, u64::from(pid.0), code.0] {
            inner.hash = (inner.hash.rotate_left(5) ^ part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        if let Some(lines) = &mut inner.lines {
            lines.push(Line { at_us, pid, text: text() });
        }
    }

    /// What tells this story from others.
    pub fn hash(&self) -> u64 {
        self.inner().hash
    }

    /// The timeline, one line for each thing that happened.
    pub fn timeline(&self) -> String {
        let inner = self.inner();
        let mut text = String::new();
        let width = inner.names.values().map(String::len).max().unwrap_or(0).max("world".len());
        for Line { at_us, pid, text: line } in inner.lines.iter().flatten() {
            let (seconds, millis) = (at_us / 1_000_000, at_us / 1000 % 1000);
            let name = inner.names.get(pid).map_or("world", String::as_str);
            let _ = writeln!(text, "{seconds:>6}.{millis:03}  {name:<width$}  {line}");
        }
        text
    }
}
