//! Reading: the head, what it refers to, and the state that both amount to. Nothing is locked.
//!
//! An object that is gone may have been swept up after the head that referred to it was replaced: reading begins again then, a bounded number
//! of times. If the head is still the same, the state is damaged, and no part of it is taken for the whole.

use super::{
    bucket::{Bucket, Folder},
    error::{Error, Result},
    head::{Chain, Head, Part, damaged},
};
use crate::{Error as StateError, objects::ETag, sealer::Sealer};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::{sync::Arc, thread};
use terrane_core::{
    Record, State,
    planted::{Bug, planted},
    state::Lineage,
};

/// How many objects are fetched at once.
const FETCHES_MAX: usize = 32;
/// How often a head that keeps changing is read.
const READS_MAX: u32 = 10;
/// From how many bytes on records are read by two threads or more.
const PARALLEL_BYTES: usize = 1 << 20;
const THREADS_MAX: usize = 8;

/// A head as it was read.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) head: Head,
    pub(super) etag: ETag,
}

/// Reads a stack's head.
pub(super) async fn head(bucket: &Bucket, folder: &Folder) -> Result<Option<Found>> {
    let key = folder.head();
    let Some(object) = bucket.get(&key).await? else { return Ok(None) };
    let head = Head::decode(&bucket.name(&key), &object.bytes)?;
    Ok(Some(Found { head, etag: object.etag }))
}

/// Tells a head that moved on while its objects were read from one that refers to an object that isn't there.
#[derive(Default)]
pub(super) struct Patience {
    before: Option<ETag>,
    reads: u32,
}

impl Patience {
    /// Passes what was read with a head on; `None` when it is to be read again.
    pub(super) fn judge<T>(
        &mut self,
        bucket: &Bucket,
        folder: &Folder,
        etag: &ETag,
        read: Result<T>,
    ) -> Result<Option<T>> {
        match read {
            Err(StateError::S3(Error::Missing { .. })) if self.before.as_ref() != Some(etag) => {
                self.reads += 1;
                if self.reads > READS_MAX {
                    return Err(Error::Restless { object: bucket.name(&folder.head()), attempts: READS_MAX }.into());
                }
                self.before = Some(etag.clone());
                Ok(None)
            }
            read => read.map(Some),
        }
    }
}

/// Where a chain belongs.
pub(super) struct Reader<'a> {
    pub(super) bucket: &'a Bucket,
    pub(super) folder: &'a Folder,
    pub(super) lineage: &'a Lineage,
    pub(super) sealer: &'a Sealer,
}

/// A record as it was written.
struct Line<'a> {
    seq: u64,
    text: &'a str,
}

impl Reader<'_> {
    /// The state that a chain amounts to.
    pub(super) async fn state(&self, chain: &Chain) -> Result<State> {
        let (snapshot, segments) = self.fetch(chain).await?;
        let mut state = match (&chain.snapshot, snapshot) {
            (Some(part), Some(bytes)) => self.snapshot(part, &bytes)?,
            _ => State::new(self.lineage.clone()),
        };
        let mut lines = Vec::new();
        for (part, bytes) in &segments {
            self.segment(part, bytes, &mut lines)?;
        }
        let tail = chain.tail.iter().zip(chain.before_tail() + 1..);
        lines.extend(tail.map(|(record, seq)| Line { seq, text: record.get() }));
        lines.retain(|line| line.seq > state.seq && line.seq <= chain.last);
        let whole = lines.iter().zip(state.seq + 1..).take_while(|(line, seq)| line.seq == *seq).count();
        for record in self.parse(&lines[..whole])? {
            state.apply(&record)?;
        }
        if state.seq == chain.last || planted(Bug::MissingSegmentReadAsEnd) {
            return Ok(state);
        }
        Err(self.gap(state.seq + 1))
    }

    /// The description of a former chain.
    pub(super) async fn chain(&self, part: &Part) -> Result<Chain> {
        let key = self.folder.chain(&part.id);
        let bytes = self.part(&key, part).await?;
        serde_json::from_slice(&bytes).map_err(|error| damaged(&self.bucket.name(&key), error.to_string()))
    }

    /// Fetches the objects of a chain, several at once.
    async fn fetch(&self, chain: &Chain) -> Result<(Option<Bytes>, Vec<(Arc<Part>, Bytes)>)> {
        self.check_gaps(chain)?;
        let mut wanted: Vec<(String, Arc<Part>)> = Vec::with_capacity(chain.segments.len() + 1);
        wanted.extend(chain.snapshot.iter().map(|part| (self.folder.snapshot(&part.id), part.clone())));
        wanted.extend(chain.segments.iter().map(|part| (self.folder.segment(&part.id), part.clone())));
        let mut fetched = stream::iter(wanted)
            .map(|(key, part)| async move {
                match self.part(&key, &part).await {
                    Err(StateError::S3(Error::Missing { .. })) if planted(Bug::MissingSegmentReadAsEnd) => Ok(None),
                    read => read.map(|bytes| Some((part, bytes))),
                }
            })
            .buffered(FETCHES_MAX);
        let snapshot = if chain.snapshot.is_some() { fetched.try_next().await?.flatten() } else { None };
        let mut segments = Vec::with_capacity(chain.segments.len());
        while let Some(Some(segment)) = fetched.try_next().await? {
            segments.push(segment);
        }
        Ok((snapshot.map(|(_, bytes)| bytes), segments))
    }

    /// Refuses a chain that lacks records.
    fn check_gaps(&self, chain: &Chain) -> Result<()> {
        let mut last = chain.snapshot.as_ref().map_or(0, |part| part.last);
        for (index, part) in chain.segments.iter().enumerate() {
            let follows = part.first == last + 1 || (index == 0 && part.first <= last);
            if !follows || part.last <= last {
                return Err(self.gap(last + 1));
            }
            last = part.last;
        }
        let ends = if chain.tail.is_empty() { last >= chain.last } else { last == chain.before_tail() };
        if ends { Ok(()) } else { Err(self.gap(last + 1)) }
    }

    /// One object, as it was written.
    async fn part(&self, key: &str, part: &Part) -> Result<Bytes> {
        let object = self.bucket.name(key);
        let Some(read) = self.bucket.get(key).await? else {
            return Err(Error::Missing { object, head: self.bucket.name(&self.folder.head()) }.into());
        };
        part.fault(&read.bytes).map_or(Ok(read.bytes), |problem| Err(damaged(&object, problem)))
    }

    /// The state in a snapshot's bytes.
    pub(super) fn snapshot(&self, part: &Part, bytes: &[u8]) -> Result<State> {
        let object = || self.bucket.name(&self.folder.snapshot(&part.id));
        let unreadable = |source| StateError::Unreadable { place: object(), seq: part.last, source };
        let mut state: State = serde_json::from_slice(bytes).map_err(unreadable)?;
        if (&state.lineage, state.seq) != (self.lineage, part.last) {
            return Err(damaged(&object(), "it is the state of another stack or record"));
        }
        state.visit_secrets(&mut |path, properties| self.sealer.open(self.lineage.as_str(), path, properties))?;
        Ok(state)
    }

    /// The records of a segment, which must be as many as the head says.
    fn segment<'r>(&self, part: &Part, bytes: &'r [u8], lines: &mut Vec<Line<'r>>) -> Result<()> {
        let place = self.bucket.name(&self.folder.segment(&part.id));
        let text = std::str::from_utf8(bytes).map_err(|error| damaged(&place, error.to_string()))?;
        let before = lines.len();
        lines.extend(text.lines().zip(part.first..).map(|(text, seq)| Line { seq, text }));
        let (count, due) = ((lines.len() - before) as u64, part.last + 1 - part.first);
        if count == due { Ok(()) } else { Err(damaged(&place, format!("it has {count} records instead of {due}"))) }
    }

    /// Reads records, those of a long log on several threads.
    fn parse(&self, lines: &[Line<'_>]) -> Result<Vec<Record>> {
        let bytes: usize = lines.iter().map(|line| line.text.len()).sum();
        let threads = match (bytes / PARALLEL_BYTES + 1).min(THREADS_MAX) {
            1 => 1,
            most => thread::available_parallelism().map_or(1, usize::from).min(most),
        };
        let each = lines.len().div_ceil(threads).max(1);
        let mut records = Vec::with_capacity(lines.len());
        if threads == 1 {
            for line in lines {
                records.push(self.record(line)?);
            }
            return Ok(records);
        }
        let parts = thread::scope(|scope| {
            let read = |lines: &[Line<'_>]| lines.iter().map(|line| self.record(line)).collect::<Result<Vec<Record>>>();
            let running: Vec<_> = lines.chunks(each).map(|lines| scope.spawn(move || read(lines))).collect();
            running.into_iter().map(|thread| thread.join().unwrap_or(Err(StateError::Cancelled))).collect::<Vec<_>>()
        });
        for part in parts {
            records.append(&mut part?);
        }
        Ok(records)
    }

    fn record(&self, line: &Line<'_>) -> Result<Record> {
        let place = || self.bucket.name(&self.folder.head());
        let unreadable = |source| StateError::Unreadable { place: place(), seq: line.seq, source };
        let mut record: Record = serde_json::from_str(line.text).map_err(unreadable)?;
        record.visit_secrets(&mut |path, properties| self.sealer.open(self.lineage.as_str(), path, properties))?;
        Ok(record)
    }

    fn gap(&self, seq: u64) -> StateError {
        let head = self.bucket.name(&self.folder.head());
        damaged(&head, format!("no object that it refers to has record {seq}"))
    }
}
