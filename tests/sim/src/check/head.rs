//! A head as a checker reads it: on its own, not with the code that is checked.

use serde::Deserialize;
use serde_json::value::RawValue;

/// What a checker wants to know of a head.
#[derive(Debug, Deserialize)]
pub(super) struct Head<'a> {
    /// Which stack it is.
    pub(super) lineage: String,
    /// The number of the write.
    pub(super) rev: u64,
    /// How often the stack changed hands.
    pub(super) epoch: u64,
    /// Who holds it.
    #[serde(default)]
    pub(super) hold: Option<Hold>,
    /// What it keeps of the past.
    #[serde(default)]
    pub(super) points: Vec<Point>,
    /// Whether the stack was removed.
    #[serde(default)]
    pub(super) removed: bool,
    /// The state.
    #[serde(borrow)]
    pub(super) chain: Chain<'a>,
}

/// Who holds a stack.
#[derive(Debug, Deserialize)]
pub(super) struct Hold {
    /// The id of the hold.
    pub(super) writer: String,
}

/// A state of the past.
#[derive(Debug, Deserialize)]
pub(super) struct Point {
    /// The description of the former chain that it is part of.
    #[serde(default)]
    pub(super) chain: Option<Part>,
}

/// What a state is the fold of.
#[derive(Debug, Deserialize)]
pub(super) struct Chain<'a> {
    /// The number of the last record.
    pub(super) last: u64,
    /// The snapshot that the records follow.
    #[serde(default)]
    pub(super) snapshot: Option<Part>,
    /// Records in objects of their own.
    #[serde(default)]
    pub(super) segments: Vec<Part>,
    /// The newest records.
    #[serde(default, borrow)]
    pub(super) tail: Vec<&'a RawValue>,
}

/// An object that the head refers to.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Part {
    /// The last part of its key.
    pub(super) id: String,
    /// The number of the first record in it.
    pub(super) first: u64,
    /// That of the last.
    pub(super) last: u64,
}

impl<'a> Head<'a> {
    /// Reads a head's bytes: a line for all versions, then the rest.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let body = bytes.iter().position(|byte| *byte == b'\n').map_or(0, |line| line + 1);
        serde_json::from_slice(&bytes[body..]).map_err(|error| error.to_string())
    }
}

impl<'a> Chain<'a> {
    /// Reads the description of a former chain.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }

    /// The number of the first record in the tail.
    pub(super) fn tail_first(&self) -> u64 {
        (self.last + 1).saturating_sub(self.tail.len() as u64)
    }
}
