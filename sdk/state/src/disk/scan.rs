//! Reading a log's bytes: which records are good, where they end, and whether what follows is a torn tail or damage.
//! Pure.
//!
//! A batch is written at once and synced before the next one begins, and the sectors of one write may reach the disk in
//! any order. So bytes that don't verify at the end of a log are the rest of a batch that was never acknowledged, and
//! are dropped; unless the seal names a later record, or a good frame of a *later batch* follows: either proves that
//! something acknowledged was lost, and the log is refused.

use std::path::Path;

use terrane_core::planted::{Bug, planted};

use super::{
    error::{Error, Result},
    frame::{self, Found, Frame, MARKER},
    header::{HEADER_BYTES, Header, Kind, Lineage, Point},
};

/// What a log holds.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) lineage: Lineage,
    /// Where the log begins: the end of the snapshot it follows.
    pub(crate) base: Point,
    /// The last good record.
    pub(crate) end: Point,
    /// The bytes up to the end of the last good record; the file may be longer.
    pub(crate) length: usize,
    pub(crate) frames: Vec<Frame>,
}

/// Reads `bytes`, the contents of the log at `path`, of which everything up to `sealed` must be there.
pub(crate) fn scan(path: &Path, bytes: &[u8], sealed: Option<&Header>) -> Result<Scan> {
    let header = Header::decode(Kind::Log, path, bytes)?;
    if sealed.is_some_and(|sealed| sealed.lineage != header.lineage) {
        return Err(corrupt(path, 0, 0, "the log and its seal belong to different states"));
    }
    let sealed = sealed.map_or(Point::default(), |sealed| sealed.point);
    let mut scan = Scan {
        lineage: header.lineage,
        base: header.point,
        end: header.point,
        length: HEADER_BYTES,
        frames: Vec::new(),
    };
    check_seal(path, &scan, &sealed)?;
    while scan.length < bytes.len() {
        match frame::decode(&header.lineage, &bytes[scan.length..]) {
            Ok(found) => {
                scan.take(path, &found)?;
                check_seal(path, &scan, &sealed)?;
            }
            Err(problem) => {
                check_tail(path, &bytes[scan.length..], &scan, problem)?;
                break;
            }
        }
    }
    if scan.end.seq < sealed.seq && !planted(Bug::TailCutBelowSeal) {
        let problem = format!("no good record follows, but the seal names record {}", sealed.seq);
        return Err(corrupt(path, scan.length, scan.end.seq + 1, &problem));
    }
    Ok(scan)
}

impl Scan {
    /// Adds a frame that is whole, if it is the next one of the chain.
    fn take(&mut self, path: &Path, found: &Found<'_>) -> Result<()> {
        let expected = self.end.seq + 1;
        let refuse = |problem: &str| Err(corrupt(path, self.length, expected, problem));
        if found.point.seq != expected {
            return refuse(&format!("record {} stands in its place", found.point.seq));
        }
        if found.previous != self.end.hash {
            return refuse("the record doesn't follow the one before it");
        }
        if found.batch > expected {
            return refuse("the record claims a batch that begins after it");
        }
        self.frames.push(Frame { seq: expected, payload: found.payload.to_vec() });
        self.end = found.point;
        self.length += found.length;
        Ok(())
    }
}

/// The record that the seal names must be the one that was sealed, not merely have its number.
fn check_seal(path: &Path, scan: &Scan, sealed: &Point) -> Result<()> {
    if scan.end.seq == sealed.seq && scan.end.hash != sealed.hash {
        return Err(corrupt(path, scan.length, sealed.seq, "the record is not the one that was sealed"));
    }
    Ok(())
}

/// Tells a torn tail, which is dropped, from damage, which is refused. `tail` begins at the frame that doesn't verify.
fn check_tail(path: &Path, tail: &[u8], scan: &Scan, problem: &str) -> Result<()> {
    let seq = scan.end.seq + 1;
    match later_batch(tail, &scan.lineage, seq) {
        Some(later) => Err(corrupt(path, scan.length, seq, &format!("{problem}, and record {later} follows it"))),
        None => Ok(()),
    }
}

/// The first good frame in `tail` of a batch that began after record `seq`. That record's batch was synced before such
/// a frame was written.
fn later_batch(tail: &[u8], lineage: &Lineage, seq: u64) -> Option<u64> {
    let starts = tail.windows(MARKER.len()).enumerate().filter(|(_, window)| *window == MARKER).map(|(start, _)| start);
    starts
        .filter_map(|start| frame::decode(lineage, &tail[start..]).ok())
        .find(|found| found.batch > seq && found.point.seq >= found.batch)
        .map(|found| found.point.seq)
}

fn corrupt(path: &Path, offset: usize, seq: u64, problem: &str) -> Error {
    Error::Corrupt { path: path.to_owned(), offset: offset as u64, seq, problem: problem.to_owned() }
}
