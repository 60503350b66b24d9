//! Folding a long log into a snapshot, beside the commits.
//!
//! The snapshot is written and read back before the head refers to it. Records that were committed meanwhile stay behind it. Restore points
//! before it keep their chain: a description of it goes into an object of its own.

use super::{
    error::Result,
    head::{Chain, Head, Part, damaged},
    writer::Writer,
};
use crate::Error as StateError;
use std::sync::{Arc, atomic::Ordering};
use terrane_core::{
    State,
    failpoint::{self, reach},
    planted::{Bug, planted},
};

/// How often folding the log may fail before this process leaves it to the next.
const FAILURES_MAX: u32 = 3;
/// How many times as long as when its folding is due a log is when that can't wait any more.
const OVERDUE: usize = 2;

impl Writer {
    /// Folds the log beside what else goes on, unless that is under way.
    pub(super) fn fold_beside(self: &Arc<Self>) {
        if self.folding.try_lock().is_err() {
            return;
        }
        let writer = Arc::downgrade(self);
        self.bucket.world.spawn(Box::pin(async move {
            if let Some(writer) = writer.upgrade() {
                writer.fold_if_due().await;
            }
        }));
    }

    /// Folds the log, if it is long. A failure leaves the log as it is, which is no worse than before: the run goes on.
    pub(super) async fn fold_if_due(&self) {
        let _folding = self.folding.lock().await;
        if self.compact().await.is_err() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether a log is long, and folding it may succeed.
    pub(super) fn is_fold_due(&self, chain: &Chain) -> bool {
        self.is_longer(chain, 1)
    }

    /// Whether it is so long that the end of a run waits for its folding; else the next run folds it, beside its own work.
    pub(super) fn is_fold_overdue(&self, chain: &Chain) -> bool {
        self.is_longer(chain, OVERDUE)
    }

    fn is_longer(&self, chain: &Chain, times: usize) -> bool {
        let settings = &self.bucket.settings;
        let snapshot_bytes = chain.snapshot.as_ref().map_or(0, |part| part.bytes);
        let is_long = chain.segments.len() >= settings.segments_max * times
            || chain.log_bytes() > snapshot_bytes.max(settings.log_bytes_min) * times as u64;
        is_long && self.failures.load(Ordering::Relaxed) < FAILURES_MAX
    }

    /// Folds the log if it is long, and sweeps up what nothing refers to any more.
    async fn compact(&self) -> Result<()> {
        let (head, state) = {
            let mut register = self.register().await?;
            let head = register.head.clone();
            if !register.is_held() || !self.is_fold_due(&head.chain) {
                return Ok(());
            }
            (head, self.fold(&mut register).await?.clone())
        };
        reach(failpoint::Point::BeforeSnapshot);
        let snapshot = Arc::new(self.write_snapshot(&state).await?);
        reach(failpoint::Point::AfterSnapshot);
        let former = self.write_former(&head).await?;
        let swap = |mut head: Head| {
            swap(&mut head, &snapshot, former.as_ref());
            head
        };
        if planted(Bug::CollectionBeforeSwap) {
            self.collect(swap).await?;
        }
        {
            let mut register = self.register().await?;
            self.write(&mut register, |head| *head = swap(head.clone())).await?;
        }
        self.sweep_up().await;
        Ok(())
    }

    /// Deletes what nothing refers to any more. A failure costs space only, and says nothing about the next folding; where it is not allowed,
    /// it isn't tried again and again.
    async fn sweep_up(&self) {
        if self.unswept.load(Ordering::Relaxed) < FAILURES_MAX && self.collect(|head| head).await.is_err() {
            self.unswept.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn write_snapshot(&self, state: &State) -> Result<Part> {
        let id = self.bucket.draw_id();
        let key = self.folder.snapshot(&id);
        let mut sealed = state.clone();
        sealed.visit_secrets(&mut |path, properties| self.sealer.seal(self.lineage.as_str(), path, properties))?;
        let unreadable = |source| StateError::Unreadable { place: self.bucket.name(&key), seq: state.seq, source };
        let content = serde_json::to_vec(&sealed).map_err(unreadable)?;
        let part = Part::new(id, &content, 1, state.seq);
        self.bucket.put(&key, content.into()).await?;
        if !planted(Bug::SnapshotNotVerified) {
            self.verify(&key, &part, state).await?;
        }
        Ok(part)
    }

    /// Reads a snapshot back: the log that it stands for is about to go.
    async fn verify(&self, key: &str, part: &Part, state: &State) -> Result<()> {
        let name = self.bucket.name(key);
        let Some(read) = self.bucket.get(key).await? else {
            return Err(damaged(&name, "it was written and is not there"));
        };
        if let Some(problem) = part.fault(&read.bytes) {
            return Err(damaged(&name, problem));
        }
        if self.reader().snapshot(part, &read.bytes)? != *state {
            return Err(damaged(&name, "it is not the state that the records amount to"));
        }
        Ok(())
    }

    /// Describes the chain in an object of its own, as far as restore points need it.
    async fn write_former(&self, head: &Head) -> Result<Option<Arc<Part>>> {
        let own = head.points.iter().filter(|point| point.chain.is_none() && point.seq < head.chain.last);
        let Some(last) = own.map(|point| point.seq).max() else { return Ok(None) };
        let id = self.bucket.draw_id();
        let key = self.folder.chain(&id);
        let unreadable = |source| StateError::Unreadable { place: self.bucket.name(&key), seq: last, source };
        let content = serde_json::to_vec(&head.chain.up_to(last)).map_err(unreadable)?;
        let part = Part::new(id, &content, 1, last);
        self.bucket.put(&key, content.into()).await?;
        Ok(Some(Arc::new(part)))
    }
}

/// Puts a snapshot in the place of the records it stands for.
fn swap(head: &mut Head, snapshot: &Arc<Part>, former: Option<&Arc<Part>>) {
    head.chain = if planted(Bug::CompactionDropsRecords) {
        Chain { last: snapshot.last, snapshot: Some(snapshot.clone()), ..Chain::default() }
    } else {
        head.chain.after(snapshot.clone())
    };
    for point in &mut head.points {
        if point.chain.is_none() && point.seq < snapshot.last {
            point.chain = former.cloned();
        }
    }
}
