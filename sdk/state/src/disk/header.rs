//! The header that begins each state file: what it is, whose, and where in the chain of records it stands.
//!
//! ```text
//! magic 8 | format u32 | min_reader u32 | lineage 16 | seq u64 | chain 32 | sha256 of all before 32  (little endian)
//! ```

use std::{fmt, path::Path};

use sha2::{Digest, Sha256};

use super::error::{Error, Result};

/// The format written here.
const FORMAT: u32 = 1;
/// The oldest format a reader must know to read what is written here.
const MIN_READER: u32 = 1;
/// The length of an encoded [`Header`].
pub(crate) const HEADER_BYTES: usize = 104;

/// A SHA-256 hash.
pub(crate) type Hash = [u8; 32];

/// What one stack's state is told apart by, from its first record to its last: 128 random bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Lineage(pub(crate) [u8; 16]);

impl Lineage {
    /// That of a folder without a state.
    pub(crate) const NONE: Self = Self([0; 16]);
}

impl fmt::Display for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Lineage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lineage({self})")
    }
}

/// A place in the chain: the last record before it, and that record's hash. The default is the beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) seq: u64,
    pub(crate) hash: Hash,
}

/// Which state file a header begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Log,
    Seal,
    Snapshot,
}

impl Kind {
    fn magic(self) -> &'static [u8; 8] {
        match self {
            Self::Log => b"TERRALOG",
            Self::Seal => b"TERRSEAL",
            Self::Snapshot => b"TERRSNAP",
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Seal => "seal",
            Self::Snapshot => "snapshot",
        }
    }
}

/// What each state file begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) lineage: Lineage,
    /// A log begins after this record; a seal and a snapshot end with it.
    pub(crate) point: Point,
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend(self.kind.magic());
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend(MIN_READER.to_le_bytes());
        bytes.extend(self.lineage.0);
        bytes.extend(self.point.seq.to_le_bytes());
        bytes.extend(self.point.hash);
        let hash = Sha256::digest(&bytes);
        bytes.extend(hash);
        bytes
    }

    /// Reads the header at the start of `bytes`, the contents of `path`.
    pub(crate) fn decode(kind: Kind, path: &Path, bytes: &[u8]) -> Result<Self> {
        let corrupt = |problem: String| Error::Corrupt { path: path.to_owned(), offset: 0, seq: 0, problem };
        let wrong_kind = || corrupt(format!("this is not a Terrane state {}", kind.noun()));
        let (magic, rest) = bytes.split_first_chunk().ok_or_else(wrong_kind)?;
        if magic != kind.magic() {
            return Err(wrong_kind());
        }
        let parsed = Parsed::of(rest).ok_or_else(|| corrupt("its header is cut short".to_owned()))?;
        // Before the hash: a later format may well be laid out differently from here on.
        if parsed.min_reader > FORMAT {
            let min_reader = parsed.min_reader;
            return Err(Error::NewerFormat { path: path.to_owned(), min_reader, supported: FORMAT });
        }
        if Sha256::digest(&bytes[..HEADER_BYTES - 32]).as_slice() != parsed.hash {
            return Err(corrupt("its header doesn't match its checksum".to_owned()));
        }
        Ok(Self { kind, lineage: parsed.lineage, point: parsed.point })
    }
}

/// A header's fields after the magic, not yet checked.
struct Parsed {
    min_reader: u32,
    lineage: Lineage,
    point: Point,
    hash: Hash,
}

impl Parsed {
    fn of(bytes: &[u8]) -> Option<Self> {
        let (_format, bytes) = bytes.split_first_chunk::<4>()?;
        let (min_reader, bytes) = bytes.split_first_chunk()?;
        let (lineage, bytes) = bytes.split_first_chunk()?;
        let (seq, bytes) = bytes.split_first_chunk()?;
        let (chain, bytes) = bytes.split_first_chunk()?;
        let (hash, _) = bytes.split_first_chunk()?;
        Some(Self {
            min_reader: u32::from_le_bytes(*min_reader),
            lineage: Lineage(*lineage),
            point: Point { seq: u64::from_le_bytes(*seq), hash: *chain },
            hash: *hash,
        })
    }
}
