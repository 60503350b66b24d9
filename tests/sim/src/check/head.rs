//! A head as a checker reads it: on its own, not with the code that is checked.

use serde::Deserialize;
use serde_json::value::RawValue;

/// What a checker wants to know of a head.
#[derive(Debug, Deserialize)]
pub struct Head<'a> {
    /// Which stack it is.
    pub lineage: String,
    /// The number of the write.
    pub rev: u64,
    /// How often the stack changed hands.
    pub epoch: u64,
    /// Who holds it.
    #[serde(default)]
    pub hold: Option<Hold>,
    /// What it keeps of the past.
    #[serde(default)]
    pub points: Vec<Point>,
    /// Whether the stack was removed.
    #[serde(default)]
    pub removed: bool,
    /// The state.
    #[serde(borrow)]
    pub chain: Chain<'a>,
}

/// Who holds a stack.
#[derive(Debug, Deserialize)]
pub struct Hold {
    /// The id of the hold.
    pub writer: String,
}

/// A state of the past.
#[derive(Debug, Deserialize)]
pub struct Point {
    /// Its last record.
    pub seq: u64,
    /// The description of the former chain that it is part of.
    #[serde(default)]
    pub chain: Option<Part>,
}

/// What a state is the fold of.
#[derive(Debug, Deserialize)]
pub struct Chain<'a> {
    /// The number of the last record.
    pub last: u64,
    /// The snapshot that the records follow.
    #[serde(default)]
    pub snapshot: Option<Part>,
    /// Records in objects of their own.
    #[serde(default)]
    pub segments: Vec<Part>,
    /// The newest records.
    #[serde(default, borrow)]
    pub tail: Vec<&'a RawValue>,
}

/// An object that the head refers to.
#[derive(Debug, Clone, Deserialize)]
pub struct Part {
    /// The last part of its key.
    pub id: String,
    /// The number of the first record in it.
    pub first: u64,
    /// That of the last.
    pub last: u64,
}

impl<'a> Head<'a> {
    /// Reads a head's bytes: a line for all versions, then the rest.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        let body = bytes.iter().position(|byte| *byte == b'\n').map_or(0, |line| line + 1);
        serde_json::from_slice(&bytes[body..]).map_err(|error| error.to_string())
    }
}

impl<'a> Chain<'a> {
    /// Reads the description of a former chain.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        serde_json::from_slice(bytes).map_err(|error| error.to_string())
    }

    /// The number of the first record in the tail.
    pub fn tail_first(&self) -> u64 {
        (self.last + 1).saturating_sub(self.tail.len() as u64)
    }
}
