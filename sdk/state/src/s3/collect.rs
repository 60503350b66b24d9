//! Sweeping up objects that nothing refers to.

use super::{
    error::Result,
    head::{Chain, Head},
    settings::ms,
    writer::Writer,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeSet;

/// How many objects are deleted at once.
const DELETIONS_MAX: usize = 8;

impl Writer {
    /// Deletes what neither the head nor its restore points refer to, unless it is young. `of` gives the head that counts.
    ///
    /// An object is written before the head that refers to it. So what was listed before the head is looked at, with no commit under way, is
    /// referred to by then or never will be; and what another writer has just written is young.
    pub(super) async fn collect(&self, of: impl FnOnce(Head) -> Head) -> Result<()> {
        let youngest_ms = i64::try_from(ms(self.bucket.settings.garbage_age)).unwrap_or(i64::MAX);
        let listed = self.bucket.list(self.folder.prefix()).await?;
        if self.folder.has_set_aside(&listed) {
            return Ok(());
        }
        let mut garbage: Vec<String> =
            listed.into_iter().filter(|listed| listed.age_ms > youngest_ms).map(|listed| listed.key).collect();
        garbage.retain(|key| *key != self.folder.head());
        if garbage.is_empty() {
            return Ok(());
        }
        // What is there for the next write to refer to is looked at first: a write that is under way takes it into the head.
        let spilled = self.spilled.lock().await.as_ref().map(|part| self.folder.segment(&part.id));
        let head = of(self.quiet_head().await?);
        let mut used = self.used(&head).await?;
        used.extend(spilled);
        garbage.retain(|key| !used.contains(key));
        stream::iter(garbage)
            .map(Ok)
            .try_for_each_concurrent(DELETIONS_MAX, |key| async move {
                self.pulse.permit(&self.bucket)?;
                self.bucket.delete(&key).await
            })
            .await
    }

    /// The keys of all that a head refers to, directly or not.
    async fn used(&self, head: &Head) -> Result<BTreeSet<String>> {
        let mut used: BTreeSet<String> = self.names(&head.chain).collect();
        for part in head.points.iter().filter_map(|point| point.chain.as_ref()) {
            if used.insert(self.folder.chain(&part.id)) {
                let chain = self.reader().chain(part).await?;
                used.extend(self.names(&chain));
            }
        }
        Ok(used)
    }

    fn names<'c>(&'c self, chain: &'c Chain) -> impl Iterator<Item = String> + 'c {
        let segments = chain.segments.iter().map(|part| self.folder.segment(&part.id));
        chain.snapshot.iter().map(|part| self.folder.snapshot(&part.id)).chain(segments)
    }
}
