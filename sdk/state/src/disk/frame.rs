//! One record on the disk: its sequence number, the batch it was written with, its payload, and the hash that chains it
//! to the record before. What the payload means is not known here.
//!
//! ```text
//! marker 4 | payload length u32 | seq u64 | batch u64 | previous 32 | payload | hash 32          (little endian)
//! ```
//!
//! The hash covers the lineage and all that stands before it in the frame. Since the previous hash is written out, a
//! frame can be recognised on its own: that is how a good frame is found behind a bad one.

use sha2::{Digest, Sha256};

use super::header::{Hash, Lineage, Point};

/// What each frame begins with; one of its bytes never occurs in UTF-8 text.
pub(crate) const MARKER: [u8; 4] = *b"\xffTFR";
/// The most bytes one payload may have: a whole state, as an import writes it, fits in.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 256 << 20;
const BEFORE_PAYLOAD_BYTES: usize = 56;

/// A record as it was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its place among all records of the stack, from 1 up.
    pub seq: u64,
    /// The bytes that were given to `append`.
    pub payload: Vec<u8>,
}

/// A frame found in a log: itself whole, its place in the chain not yet checked.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    /// This frame's own place in the chain.
    pub(crate) point: Point,
    /// The sequence number of the first frame of its batch.
    pub(crate) batch: u64,
    /// The hash of the frame before.
    pub(crate) previous: Hash,
    pub(crate) payload: &'a [u8],
    /// The whole frame's length in the file.
    pub(crate) length: usize,
}

/// Writes a frame to the end of `out`. It follows `previous` and belongs to the batch that begins with record `batch`.
pub(crate) fn encode(lineage: &Lineage, previous: &Point, batch: u64, payload: &[u8], out: &mut Vec<u8>) -> Point {
    assert!(payload.len() <= PAYLOAD_BYTES_MAX, "the caller checks the size");
    let (seq, start) = (previous.seq + 1, out.len());
    out.extend(MARKER);
    out.extend((payload.len() as u32).to_le_bytes());
    out.extend(seq.to_le_bytes());
    out.extend(batch.to_le_bytes());
    out.extend(previous.hash);
    out.extend(payload);
    let hash = hash(lineage, &out[start..]);
    out.extend(hash);
    Point { seq, hash }
}

/// Reads the frame at the start of `bytes`, or says why there is none.
pub(crate) fn decode<'a>(lineage: &Lineage, bytes: &'a [u8]) -> Result<Found<'a>, &'static str> {
    const SHORT: &str = "the record is cut short";
    let (marker, rest) = bytes.split_first_chunk().ok_or(SHORT)?;
    if *marker != MARKER {
        return Err("no record begins here");
    }
    let (length, rest) = rest.split_first_chunk().ok_or(SHORT)?;
    let (seq, rest) = rest.split_first_chunk().ok_or(SHORT)?;
    let (batch, rest) = rest.split_first_chunk().ok_or(SHORT)?;
    let (previous, rest) = rest.split_first_chunk().ok_or(SHORT)?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > PAYLOAD_BYTES_MAX {
        return Err("the record's length is impossible");
    }
    let (payload, rest) = rest.split_at_checked(length).ok_or(SHORT)?;
    let (expected, _) = rest.split_first_chunk().ok_or(SHORT)?;
    if hash(lineage, &bytes[..BEFORE_PAYLOAD_BYTES + length]) != *expected {
        return Err("the record doesn't match its checksum");
    }
    Ok(Found {
        point: Point { seq: u64::from_le_bytes(*seq), hash: *expected },
        batch: u64::from_le_bytes(*batch),
        previous: *previous,
        payload,
        length: BEFORE_PAYLOAD_BYTES + length + expected.len(),
    })
}

fn hash(lineage: &Lineage, frame: &[u8]) -> Hash {
    Sha256::new().chain_update(lineage.0).chain_update(frame).finalize().into()
}
