//! The head: the one object of a stack that changes. What it holds, and its bytes.
//!
//! ```text
//! terrane-head <format> <min_reader> <sha256 of the rest>\n
//! {"lineage":…}
//! ```
//!
//! The first line is for all versions: an older one reads there that it must not go on. Records are kept as the text they were written as, so
//! that a commit neither parses nor formats those before it.

use super::error::{Error, Result};
use crate::{Holder, secrets::WrappedKey};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::{fmt::Write, sync::Arc};
use terrane_core::state::Lineage;

const MARK: &str = "terrane-head";
/// The format that this version writes.
pub const FORMAT: u32 = 1;
/// How many former writes a head remembers, for writers that don't know how theirs ended.
const RECENT_MAX: usize = 16;

/// A stack's head.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Head {
    /// The format that it was written in.
    #[serde(skip)]
    pub format: u32,
    /// Which stack this is, whatever it is called.
    pub lineage: Lineage,
    /// The number of this write; it only grows.
    pub rev: u64,
    /// What tells this write from others of the same number.
    pub nonce: u64,
    /// The number of times that the stack changed hands; it only grows.
    pub epoch: u64,
    /// Who holds the stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// When this was written, by the writer's clock: for people.
    pub at_ms: i64,
    /// The writes before this one, oldest first, as number and nonce.
    pub recent: Vec<(u64, u64)>,
    /// What a state remembers of its data keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<WrappedKey>,
    /// States of the past that are kept, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<Point>,
    /// When and as what the store was last probed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
    /// Set when the stack was removed: there is no state then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// The state.
    pub chain: Chain,
}

/// Who holds a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The id of this one hold.
    pub writer: String,
    /// The process.
    pub holder: Holder,
}

/// What a state is the fold of: a snapshot and the records after it, those in segments first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Chain {
    /// The number of the last record.
    pub last: u64,
    /// The snapshot that the records follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<Arc<Part>>,
    /// Records in objects of their own. The first segment may begin before the snapshot ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<Arc<Part>>,
    /// The newest records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tail: Vec<Arc<RawValue>>,
}

/// An object that never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The last part of its key.
    pub id: String,
    /// The hash of its content, in hexadecimal.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
    /// The number of the first record in it; 1 for a snapshot.
    pub first: u64,
    /// That of the last.
    pub last: u64,
}

/// A state of the past that can be read again: the chain as far as one record. It costs no object as long as the chain is the stack's own;
/// when a snapshot takes the chain's place, the chain's description is kept in an object of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// The write that kept it.
    pub rev: u64,
    /// The last record.
    pub seq: u64,
    /// When.
    pub at_ms: i64,
    /// How much there is to read.
    pub bytes: u64,
    /// The description of the former chain that it is part of; none when it is part of the head's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<Arc<Part>>,
}

/// That the store was found fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// As what it was reached.
    pub place: String,
    /// When.
    pub at_ms: i64,
}

impl Head {
    /// A head without a record, before its first write.
    pub(super) fn new(lineage: Lineage) -> Self {
        Self {
            format: FORMAT,
            lineage,
            rev: 0,
            nonce: 0,
            epoch: 0,
            hold: None,
            at_ms: 0,
            recent: Vec::new(),
            keys: None,
            points: Vec::new(),
            proof: None,
            removed: false,
            chain: Chain::default(),
        }
    }

    /// Whether there is a state to read.
    pub fn has_state(&self) -> bool {
        !self.removed && self.chain.last > 0
    }

    /// Whether this is the write of that number and nonce, or came after it.
    pub(super) fn knows(&self, rev: u64, nonce: u64) -> bool {
        (self.rev, self.nonce) == (rev, nonce) || self.recent.contains(&(rev, nonce))
    }

    /// Whether it shows that a write which takes the stack was never carried out: another has its number or its epoch.
    pub(super) fn precludes(&self, write: &Self) -> bool {
        let has_number = self.rev == write.rev || self.recent.iter().any(|(rev, _)| *rev == write.rev);
        !self.knows(write.rev, write.nonce) && (has_number || self.epoch <= write.epoch)
    }

    /// Makes it the next write.
    pub(super) fn advance(&mut self, nonce: u64, at_ms: i64) {
        if self.rev > 0 {
            self.recent.push((self.rev, self.nonce));
            let surplus = self.recent.len().saturating_sub(RECENT_MAX);
            self.recent.drain(..surplus);
        }
        (self.rev, self.nonce, self.at_ms) = (self.rev + 1, nonce, at_ms);
    }

    /// Refuses what a newer version wrote: what that added would be lost.
    pub(super) fn check_format(&self, object: &str) -> Result<()> {
        if self.format > FORMAT { Err(newer(object, self.format, "writes")) } else { Ok(()) }
    }

    /// The bytes of the object.
    pub(super) fn encode(&self, object: &str) -> Result<Bytes> {
        self.check_format(object)?;
        let body = serde_json::to_vec(self).map_err(|error| damaged(object, error.to_string()))?;
        let mut bytes = format!("{MARK} {FORMAT} {FORMAT} {}\n", sha256(&body)).into_bytes();
        bytes.extend_from_slice(&body);
        Ok(bytes.into())
    }

    /// Reads the object.
    ///
    /// # Errors
    /// [`Error::Damaged`] or [`Error::Newer`], with the object as it is given here.
    pub fn decode(object: &str, bytes: &[u8]) -> Result<Self> {
        let line = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let (line, body) = (&bytes[..line], bytes.get(line + 1..).unwrap_or_default());
        let line = std::str::from_utf8(line).unwrap_or_default();
        let words: Vec<&str> = line.split(' ').collect();
        let [MARK, format, min_reader, hash] = words[..] else {
            return Err(damaged(object, "it doesn't begin as a head does"));
        };
        let (Ok(format), Ok(min_reader)) = (format.parse::<u32>(), min_reader.parse::<u32>()) else {
            return Err(damaged(object, "its format is not a number"));
        };
        if min_reader > FORMAT {
            return Err(newer(object, format, "reads"));
        }
        if sha256(body) != hash {
            return Err(damaged(object, "its content doesn't match its checksum"));
        }
        let head: Self = serde_json::from_slice(body).map_err(|error| damaged(object, error.to_string()))?;
        Ok(Self { format, ..head })
    }
}

impl Chain {
    /// The number of the last record that is not in the tail.
    pub(super) fn before_tail(&self) -> u64 {
        self.last - (self.tail.len() as u64).min(self.last)
    }

    /// How long the records in the head itself are.
    pub(super) fn tail_bytes(&self) -> usize {
        self.tail.iter().map(|record| record.get().len() + 1).sum()
    }

    /// How long the records after the snapshot are.
    pub(super) fn log_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum::<u64>() + self.tail_bytes() as u64
    }

    /// Lets a segment take the place of the records in the head that it has.
    pub(super) fn refer(&mut self, segment: Part) {
        let count = usize::try_from(segment.last.saturating_sub(self.before_tail())).unwrap_or(usize::MAX);
        // A snapshot may have all of them by now.
        if count > 0 {
            self.tail.drain(..count.min(self.tail.len()));
            self.segments.push(Arc::new(segment));
        }
    }

    /// What is left of it up to record `seq`.
    pub(super) fn up_to(&self, seq: u64) -> Self {
        let kept = seq.saturating_sub(self.before_tail());
        let segments = self.segments.iter().filter(|segment| segment.first <= seq).cloned().collect();
        let tail = self.tail.iter().take(usize::try_from(kept).unwrap_or(usize::MAX)).cloned().collect();
        let last = seq.min(self.last);
        // A segment that goes on after `seq` is kept whole.
        Self { last, snapshot: self.snapshot.clone(), segments, tail }
    }

    /// What is left of it after a snapshot, which takes the place of all records up to its last.
    pub(super) fn after(&self, snapshot: Arc<Part>) -> Self {
        let seq = snapshot.last;
        let gone = seq.saturating_sub(self.before_tail());
        let segments = self.segments.iter().filter(|segment| segment.last > seq).cloned().collect();
        let tail = self.tail.iter().skip(usize::try_from(gone).unwrap_or(usize::MAX)).cloned().collect();
        Self { last: self.last, snapshot: Some(snapshot), segments, tail }
    }
}

impl Part {
    pub(super) fn new(id: String, content: &[u8], first: u64, last: u64) -> Self {
        Self { id, sha256: sha256(content), bytes: content.len() as u64, first, last }
    }

    /// What is wrong with what was read in its place.
    pub(super) fn fault(&self, content: &[u8]) -> Option<String> {
        if content.len() as u64 != self.bytes {
            return Some(format!("it has {} bytes instead of {}", content.len(), self.bytes));
        }
        (sha256(content) != self.sha256).then(|| "its content doesn't match its checksum".to_owned())
    }
}

pub(super) fn damaged(object: &str, problem: impl Into<String>) -> crate::Error {
    Error::Damaged { object: object.to_owned(), problem: problem.into() }.into()
}

fn newer(object: &str, format: u32, action: &'static str) -> crate::Error {
    Error::Newer { object: object.to_owned(), format, action, known: FORMAT }.into()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
