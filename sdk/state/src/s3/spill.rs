//! Moving records from the head into segments, so that the head stays short.
//!
//! # Flow
//! A head whose records have been sent a few times, or that is half full, has them written into a segment beside the commits that follow; the
//! first commit after it is there refers to it. So each record is sent a bounded number of times, and a segment comes once in several commits.
//! A commit waits only where the head would be overfull without that.

use super::{
    error::Result,
    head::{Chain, Part},
    writer::{Lines, Writer},
};
use bytes::Bytes;
use std::sync::{Arc, atomic::Ordering};
use tokio::sync::Mutex;

/// After how many commits the records in the head are worth a segment.
const COMMITS: u32 = 10;
/// Which part of a full head must be there then.
const WORTH: usize = 16;

/// A segment that the next write is to refer to. Locked for as long as one is being written.
pub(super) type Spilled = Arc<Mutex<Option<Part>>>;

impl Writer {
    /// The segments that the next write, which adds records, is to refer to.
    pub(super) async fn make_room(&self, lines: &Lines) -> Result<Vec<Part>> {
        let mut chain = self.register().await?.head.chain.clone();
        let free_bytes = self.bucket.settings.tail_bytes_max.saturating_sub(length(lines));
        let mut ready = self.spilled.try_lock().ok().and_then(|mut spilled| spilled.take());
        if ready.is_none() && chain.tail_bytes() > free_bytes {
            ready = self.spilled.lock().await.take();
        }
        let mut parts = Vec::from_iter(ready);
        for part in &parts {
            chain.refer(part.clone());
        }
        if chain.tail_bytes() > free_bytes || length(lines) > self.bucket.settings.tail_bytes_max {
            let (part, content) = self.segment(&chain, lines);
            self.bucket.put(&self.folder.segment(&part.id), content).await?;
            parts.push(part);
        }
        Ok(parts)
    }

    /// After a commit: begins to write the records of the head into a segment, where that is due and none is being written.
    pub(super) fn spill_beside(&self, chain: &Chain) {
        let commits = self.commits.fetch_add(1, Ordering::Relaxed) + 1;
        let (bytes, longest) = (chain.tail_bytes(), self.bucket.settings.tail_bytes_max);
        let is_due = bytes > longest / 2 || (commits >= COMMITS && bytes > longest / WORTH);
        if !is_due {
            return;
        }
        let Ok(mut spilled) = self.spilled.clone().try_lock_owned() else { return };
        if spilled.is_some() {
            return;
        }
        self.commits.store(0, Ordering::Relaxed);
        let (part, content) = self.segment(chain, &Lines::new());
        let (bucket, key) = (self.bucket.clone(), self.folder.segment(&part.id));
        self.bucket.world.spawn(Box::pin(async move {
            // Should it fail, the head keeps its records, and the next commit begins again.
            if bucket.put(&key, content).await.is_ok() {
                *spilled = Some(part);
            }
        }));
    }

    /// The records that are in the head, and those that follow, as an object of their own.
    fn segment(&self, chain: &Chain, lines: &Lines) -> (Part, Bytes) {
        let mut content = Vec::with_capacity(chain.tail_bytes() + length(lines));
        for line in chain.tail.iter().chain(lines) {
            content.extend_from_slice(line.get().as_bytes());
            content.push(b'\n');
        }
        let last = chain.last + lines.len() as u64;
        let part = Part::new(self.bucket.draw_id(), &content, chain.before_tail() + 1, last);
        (part, content.into())
    }
}

/// How long records are, one a line.
fn length(lines: &Lines) -> usize {
    lines.iter().map(|line| line.get().len() + 1).sum()
}
