//! The one writer of a stack: what it knows of the head, and each write of it.

use super::{
    bucket::{Bucket, Folder},
    commit::{Draft, Outcome},
    error::{Error, Result},
    head::{Chain, Head, Part, Point},
    lease::Pulse,
    read::{Found, Reader},
};
use crate::{Error as StateError, objects::ETag, sealer::Sealer};
use serde_json::value::{RawValue, to_raw_value};
use std::sync::{Arc, atomic::AtomicU32};
use terrane_core::{Record, State, state::Lineage};
use tokio::sync::{Mutex, MutexGuard};

/// A stack that this process holds.
pub(super) struct Writer {
    pub(super) bucket: Bucket,
    pub(super) folder: Folder,
    pub(super) lineage: Lineage,
    pub(super) sealer: Sealer,
    /// The id of this hold.
    pub(super) id: String,
    pub(super) pulse: Pulse,
    /// Taken by whoever adds records, for as long as that takes; a sign of life can be given meanwhile.
    order: Mutex<()>,
    /// Taken for each write of the head.
    pub(super) register: Mutex<Register>,
    /// Taken by whoever folds the log.
    pub(super) folding: Mutex<()>,
    pub(super) failures: AtomicU32,
}

/// What is known of the head.
pub(super) struct Register {
    pub(super) head: Head,
    etag: ETag,
    /// A write that is not decided. It is decided before the next one.
    draft: Option<Draft>,
    /// The state after the head's last record. Given up when records that it has were not written after all.
    pub(super) fold: Option<State>,
}

/// Records as they are written.
type Lines = Vec<Arc<RawValue>>;

impl Writer {
    pub(super) fn new(
        bucket: Bucket,
        folder: Folder,
        sealer: Sealer,
        id: String,
        held: (Found, u64),
        state: State,
    ) -> Self {
        let (Found { head, etag }, sent_ms) = held;
        Self {
            bucket,
            folder,
            lineage: head.lineage.clone(),
            sealer,
            id,
            pulse: Pulse::new(sent_ms),
            order: Mutex::default(),
            register: Mutex::new(Register { head, etag, draft: None, fold: Some(state) }),
            folding: Mutex::default(),
            failures: AtomicU32::new(0),
        }
    }

    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { bucket: &self.bucket, folder: &self.folder, lineage: &self.lineage, sealer: &self.sealer }
    }

    /// What is known of the head, with no write in doubt.
    pub(super) async fn register(&self) -> Result<MutexGuard<'_, Register>> {
        let mut register = self.register.lock().await;
        self.settle(&mut register).await?;
        Ok(register)
    }

    /// The head, while nobody is about to refer to anything new.
    pub(super) async fn quiet_head(&self) -> Result<Head> {
        let _order = self.order.lock().await;
        Ok(self.register().await?.head.clone())
    }

    /// Makes records durable; says whether the log is to be folded.
    pub(super) async fn commit(&self, records: Vec<Record>) -> Result<bool> {
        if records.is_empty() {
            return Ok(false);
        }
        let _order = self.order.lock().await;
        let lines = self.lines(&records)?;
        let spilled = {
            let chain = self.register().await?.head.chain.clone();
            let bytes = chain.tail_bytes() + lines.iter().map(|line| line.get().len() + 1).sum::<usize>();
            (bytes > self.bucket.settings.tail_bytes_max).then_some(chain)
        };
        let segment = match spilled {
            Some(chain) => Some(self.spill(&chain, &lines).await?),
            None => None,
        };
        let mut register = self.register().await?;
        register.apply(&records)?;
        let count = lines.len() as u64;
        let add = |head: &mut Head| {
            head.chain.last += count;
            match segment {
                Some(segment) => {
                    head.chain.tail.clear();
                    head.chain.segments.push(Arc::new(segment));
                }
                None => head.chain.tail.extend(lines),
            }
        };
        self.write(&mut register, add).await?;
        Ok(self.is_fold_due(&register.head.chain))
    }

    fn lines(&self, records: &[Record]) -> Result<Lines> {
        let unreadable =
            |source| StateError::Unreadable { place: self.bucket.name(&self.folder.head()), seq: 0, source };
        let line = |record: &Record| {
            let mut record = record.clone();
            record.visit_secrets(&mut |path, properties| self.sealer.seal(self.lineage.as_str(), path, properties))?;
            Ok(Arc::from(to_raw_value(&record).map_err(unreadable)?))
        };
        records.iter().map(line).collect()
    }

    /// Writes the records that are in the head, and those that follow, into an object of their own.
    async fn spill(&self, chain: &Chain, lines: &Lines) -> Result<Part> {
        let mut content = Vec::new();
        for line in chain.tail.iter().chain(lines) {
            content.extend_from_slice(line.get().as_bytes());
            content.push(b'\n');
        }
        let last = chain.last + lines.len() as u64;
        let part = Part::new(self.bucket.draw_id(), &content, chain.before_tail() + 1, last);
        self.bucket.put(&self.folder.segment(&part.id), content.into()).await?;
        Ok(part)
    }

    /// Keeps what is durable now as a state that can be returned to.
    pub(super) async fn keep_point(&self) -> Result<()> {
        let _order = self.order.lock().await;
        let mut register = self.register().await?;
        let seq = register.head.chain.last;
        if seq == 0 || register.head.points.last().is_some_and(|point| point.seq == seq) {
            return Ok(());
        }
        let (points_max, at_ms) = (self.bucket.settings.points_max, self.bucket.world.now_ms());
        let keep = |head: &mut Head| {
            let bytes = head.chain.snapshot.as_ref().map_or(0, |part| part.bytes) + head.chain.log_bytes();
            head.points.push(Point { rev: head.rev + 1, seq, at_ms, bytes, chain: None });
            let surplus = head.points.len().saturating_sub(points_max);
            head.points.drain(..surplus);
        };
        self.write(&mut register, keep).await
    }

    /// Gives the stack up.
    pub(super) async fn release(&self) -> Result<()> {
        let _order = self.order.lock().await;
        let mut register = self.register.lock().await;
        if self.pulse.is_lost() {
            return Ok(());
        }
        match self.write(&mut register, |head| head.hold = None).await {
            // Another has it, so that there is nothing to give up.
            Err(StateError::LeaseLost { .. }) => Ok(()),
            Ok(()) => {
                self.pulse.lose(None);
                Ok(())
            }
            error => error,
        }
    }

    /// Writes the head with a change.
    pub(super) async fn write(&self, register: &mut Register, change: impl FnOnce(&mut Head)) -> Result<()> {
        self.settle(register).await?;
        let mut next = register.head.clone();
        change(&mut next);
        // Nothing that is sealed may be durable before its key.
        next.keys = self.sealer.unsaved().or(next.keys);
        match Draft::new(&self.bucket, &self.folder.head(), Some(register.etag.clone()), next) {
            Ok(draft) => register.draft = Some(draft),
            Err(error) => {
                register.fold = None;
                return Err(error);
            }
        }
        self.settle(register).await
    }

    /// Brings a write that was sent to its end.
    async fn settle(&self, register: &mut Register) -> Result<()> {
        self.pulse.check()?;
        let Some(draft) = &mut register.draft else { return Ok(()) };
        let outcome = draft.send(&self.bucket, &self.folder.head()).await;
        if matches!(outcome, Err(StateError::S3(Error::Undecided { .. }))) {
            return outcome.map(|_| ());
        }
        let draft = register.draft.take();
        match outcome {
            Ok(Outcome::Written(written)) => {
                if let Some(Draft { head, .. }) = draft {
                    register.head = head;
                }
                register.etag = written.etag;
                self.pulse.renew(written.sent_ms);
                if self.sealer.unsaved().is_some_and(|keys| register.head.keys == Some(keys)) {
                    self.sealer.saved();
                }
                Ok(())
            }
            Ok(Outcome::Passed(found)) => {
                self.pulse.lose(Some(&found));
                Ok(())
            }
            Ok(Outcome::Elsewhere(found)) => {
                self.pulse.lose(found.as_ref());
                self.pulse.check()
            }
            Err(error) => {
                register.fold = None;
                if !matches!(error, StateError::S3(Error::NotWritten { .. } | Error::NoBucket { .. })) {
                    self.pulse.lose(None);
                }
                Err(error)
            }
        }
    }
}

impl Register {
    /// Takes records into the state. One that contradicts those before it is found before anything is written.
    fn apply(&mut self, records: &[Record]) -> Result<()> {
        let Some(fold) = &mut self.fold else { return Ok(()) };
        for record in records {
            if let Err(corrupt) = fold.apply(record) {
                self.fold = None;
                return Err(corrupt.into());
            }
        }
        Ok(())
    }
}
