//! The one writer of a stack: what it knows of the head, and each write of it.

use super::{
    bucket::{Bucket, Folder},
    commit::{Draft, Outcome},
    error::{Error, Result},
    head::{Head, Hold, Point},
    lease::Pulse,
    probe::proved,
    read::{self, Found, Reader},
    spill::Spilled,
};
use crate::{Error as StateError, objects::ETag, sealer::Sealer};
use serde_json::value::{RawValue, to_raw_value};
use std::sync::{Arc, atomic::AtomicU32};
use terrane_core::{Record, State, state::Lineage};
use tokio::sync::{Mutex, MutexGuard};

/// A stack that this process holds, or takes with its first write.
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
    pub(super) spilled: Spilled,
    /// How many there were since a segment was begun.
    pub(super) commits: AtomicU32,
    /// Taken by whoever folds the log.
    pub(super) folding: Mutex<()>,
    pub(super) failures: AtomicU32,
    /// How often what nothing refers to could not be swept up.
    pub(super) unswept: AtomicU32,
}

/// What is known of the head.
pub(super) struct Register {
    pub(super) head: Head,
    /// None where there is no head yet.
    etag: Option<ETag>,
    /// The hold that the first write brings, until that is done.
    claim: Option<Hold>,
    /// A write that is not decided. It is decided before the next one.
    draft: Option<Draft>,
    /// The state after the head's last record. Given up when records that it has were not written after all.
    pub(super) fold: Option<State>,
}

/// What a writer begins with.
pub(super) enum Base {
    /// A head that was written when it took the stack, and when that was sent.
    Held { found: Found, sent_ms: u64 },
    /// What its first write is based on, which takes the stack.
    Free { head: Head, etag: Option<ETag> },
}

/// Records as they are written.
pub(super) type Lines = Vec<Arc<RawValue>>;

impl Writer {
    pub(super) fn new(bucket: Bucket, folder: Folder, sealer: Sealer, hold: Hold, base: Base, state: State) -> Self {
        let id = hold.writer.clone();
        let (head, etag, claim, sent_ms) = match base {
            Base::Held { found: Found { head, etag }, sent_ms } => (head, Some(etag), None, Some(sent_ms)),
            Base::Free { head, etag } => (head, etag, Some(hold), None),
        };
        Self {
            bucket,
            folder,
            lineage: head.lineage.clone(),
            sealer,
            id,
            pulse: Pulse::new(sent_ms),
            order: Mutex::default(),
            register: Mutex::new(Register { head, etag, claim, draft: None, fold: Some(state) }),
            spilled: Spilled::default(),
            commits: AtomicU32::new(0),
            folding: Mutex::default(),
            failures: AtomicU32::new(0),
            unswept: AtomicU32::new(0),
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
        self.append(&records, |_| ()).await
    }

    /// Ends a run in one write: makes its last records durable, keeps what is durable then, and gives the stack up. It is given up later where
    /// the log can't wait to be folded.
    pub(super) async fn finish(&self, records: Vec<Record>) -> Result<()> {
        if !records.is_empty() {
            let _order = self.order.lock().await;
            let end = |head: &mut Head| {
                self.add_point(head);
                if !self.is_fold_overdue(&head.chain) {
                    head.hold = None;
                }
            };
            self.append(&records, end).await?;
        } else if !self.pulse.is_lost() {
            self.keep_point().await?;
        }
        if !self.pulse.is_lost() {
            self.fold_if_due().await;
        }
        self.release().await
    }

    /// Writes records, and what else is to change with them.
    async fn append(&self, records: &[Record], change: impl FnOnce(&mut Head)) -> Result<bool> {
        let lines = self.lines(records)?;
        self.prove().await?;
        let segments = self.make_room(&lines).await?;
        let mut register = self.register().await?;
        self.follow(&mut register, records).await?;
        let add = |head: &mut Head| {
            head.chain.last += lines.len() as u64;
            head.chain.tail.extend(lines);
            for segment in segments {
                head.chain.refer(segment);
            }
            change(head);
        };
        self.write(&mut register, add).await?;
        if self.pulse.is_lost() {
            return Ok(false);
        }
        self.spill_beside(&register.head.chain);
        Ok(self.is_fold_due(&register.head.chain))
    }

    /// Makes sure that the store is fit, before the first write.
    async fn prove(&self) -> Result<()> {
        let mut register = self.register().await?;
        if register.claim.is_some() {
            register.head = proved(&self.bucket, register.head.clone()).await?;
        }
        Ok(())
    }

    /// Takes records into the state. One that contradicts those before it is found before anything is written.
    async fn follow(&self, register: &mut Register, records: &[Record]) -> Result<()> {
        self.fold(register).await?.apply_all(records).map_err(|corrupt| {
            register.fold = None;
            corrupt.into()
        })
    }

    /// The state after the head's last record. It is read again where records were taken into it that were not written after all.
    pub(super) async fn fold<'r>(&self, register: &'r mut Register) -> Result<&'r mut State> {
        let state = match register.fold.take() {
            Some(state) => state,
            None => match self.reader().state(&register.head.chain).await {
                Err(missing @ StateError::S3(Error::Missing { .. })) => {
                    return Err(self.missed(register, missing).await);
                }
                state => state?,
            },
        };
        Ok(register.fold.insert(state))
    }

    /// Why an object is gone that the head refers to: where another has written, it was swept up.
    async fn missed(&self, register: &Register, missing: StateError) -> StateError {
        match read::head(&self.bucket, &self.folder).await {
            Ok(Some(found)) if register.etag.as_ref() != Some(&found.etag) => {
                self.pulse.lose(Some(&found.head));
                let holder = found.head.hold.map(|hold| Box::new(hold.holder));
                if register.claim.is_some() {
                    StateError::Locked { holder }
                } else {
                    StateError::LeaseLost { by: holder }
                }
            }
            Ok(_) => missing,
            Err(error) => error,
        }
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

    /// Keeps what is durable now as a state that can be returned to.
    pub(super) async fn keep_point(&self) -> Result<()> {
        let _order = self.order.lock().await;
        let mut register = self.register().await?;
        let chain = &register.head.chain;
        if !register.is_held() || register.head.points.last().is_some_and(|point| point.seq == chain.last) {
            return Ok(());
        }
        self.write(&mut register, |head| self.add_point(head)).await
    }

    fn add_point(&self, head: &mut Head) {
        let seq = head.chain.last;
        if seq == 0 || head.points.last().is_some_and(|point| point.seq == seq) {
            return;
        }
        let at_ms = self.bucket.world.now_ms();
        let bytes = head.chain.snapshot.as_ref().map_or(0, |part| part.bytes) + head.chain.log_bytes();
        head.points.push(Point { rev: head.rev + 1, seq, at_ms, bytes, chain: None });
        let surplus = head.points.len().saturating_sub(self.bucket.settings.points_max);
        head.points.drain(..surplus);
    }

    /// Gives the stack up. One that was never taken is left as it is.
    pub(super) async fn release(&self) -> Result<()> {
        let _order = self.order.lock().await;
        let mut register = self.register.lock().await;
        let released = async {
            self.settle(&mut register).await?;
            if register.is_held() { self.write(&mut register, |head| head.hold = None).await } else { Ok(()) }
        };
        match released.await {
            Ok(()) => {
                self.pulse.lose(None);
                Ok(())
            }
            // Another has it, so that there is nothing to give up.
            Err(StateError::LeaseLost { .. } | StateError::Locked { .. }) => Ok(()),
            error => error,
        }
    }

    /// Writes the head with a change.
    pub(super) async fn write(&self, register: &mut Register, change: impl FnOnce(&mut Head)) -> Result<()> {
        self.settle(register).await?;
        self.pulse.check()?;
        let mut next = register.head.clone();
        if let Some(hold) = &register.claim {
            next.epoch += 1;
            next.hold = Some(hold.clone());
        }
        change(&mut next);
        // Nothing that is sealed may be durable before its key.
        next.keys = self.sealer.unsaved().or(next.keys);
        match Draft::new(&self.bucket, &self.folder.head(), register.etag.clone(), next) {
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
                (register.etag, register.claim) = (Some(written.etag), None);
                self.pulse.renew(written.sent_ms);
                if register.head.hold.is_none() {
                    self.pulse.lose(None);
                }
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
                let is_late = register.claim.is_some()
                    && found.as_ref().zip(draft).is_some_and(|(found, draft)| found.precludes(&draft.head));
                let holder = || found.and_then(|found| found.hold).map(|hold| Box::new(hold.holder));
                if is_late { Err(StateError::Locked { holder: holder() }) } else { self.pulse.check() }
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
    /// Whether the head names this process.
    pub(super) fn is_held(&self) -> bool {
        self.claim.is_none() && self.head.hold.is_some()
    }
}
