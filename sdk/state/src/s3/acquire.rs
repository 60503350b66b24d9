//! Taking a stack: reading it, and writing this process into its head, alone or with its first records. Also the writes of a head that
//! nobody holds.

use super::{
    S3Store,
    bucket::Folder,
    commit::{Draft, Outcome, Written},
    error::Result,
    head::{Head, Hold, Proof},
    lease::Sight,
    probe::probe,
    read::{Found, Patience, Reader},
    settings::ms,
    writer::{Base, Writer},
};
use crate::{
    Error, Holder,
    objects::ETag,
    sealer::{KeyDefault, Sealer},
    secrets::WrappedKey,
};
use std::{sync::atomic::Ordering, time::Duration};
use terrane_core::{
    State,
    planted::{Bug, planted},
    state::Lineage,
};

/// How often a stack is tried to be taken from others that change it at the same time.
const ATTEMPTS_MAX: u32 = 8;

impl S3Store {
    /// Takes a stack, or gets ready to: one that is free is taken with the first commit. At once it is taken where that fences another, and
    /// where something is open, since bringing that to its end begins with calls and not with records. Says how long ago another can last have
    /// begun a call.
    ///
    /// # Errors
    /// [`Error::Locked`] when another holds it; it isn't waited for.
    pub(super) async fn take(&self, folder: &Folder, holder: &Holder) -> Result<(Writer, State, Duration)> {
        let mut patience = Patience::default();
        let mut read = self.watch.take(folder);
        let mut fresh = read.as_ref().filter(|read| read.is_fresh(&self.bucket)).map(|read| read.found.clone());
        for _ in 0..ATTEMPTS_MAX {
            let sight = match fresh.take() {
                Some(found) => Some(Sight { found, silent_ms: 0 }),
                None => self.watch.look(&self.bucket, folder).await?,
            };
            if let Some(sight) = &sight {
                self.check_free(sight, holder)?;
            }
            let quiet = sight.as_ref().map_or(Duration::ZERO, |sight| sight.quiet(&self.bucket));
            let (former, head) = self.base(sight.map(|sight| sight.found));
            head.check_format(&self.bucket.name(&folder.head()))?;
            let sealer = self.sealer(folder, head.keys.clone()).await?;
            let reader = Reader { bucket: &self.bucket, folder, lineage: &head.lineage, sealer: &sealer };
            let state = match (&former, read.take()) {
                (None, _) => Some(reader.state(&head.chain).await?),
                (Some(etag), Some(read)) if read.found.etag == *etag => Some(read.state),
                (Some(etag), _) => {
                    let read = reader.state(&head.chain).await;
                    patience.judge(&self.bucket, folder, etag, read)?
                }
            };
            let Some(state) = state else { continue };
            let hold = Hold { writer: self.bucket.draw_id(), holder: holder.clone() };
            let next = self.proved(head).await?;
            let base = if next.hold.is_none() && !state.is_cut_off() {
                Base::Free { head: next, etag: former }
            } else if let Some((found, sent_ms)) = self.swap(folder, former, taken(next, hold.clone())).await? {
                Base::Held { found, sent_ms }
            } else {
                continue;
            };
            let writer = Writer::new(self.bucket.clone(), folder.clone(), sealer, hold, base, state.clone());
            return Ok((writer, state, quiet));
        }
        Err(Error::Locked { holder: None })
    }

    /// Refuses while another holds the stack.
    pub(super) fn check_free(&self, sight: &Sight, by: &Holder) -> Result<()> {
        match &sight.found.head.hold {
            Some(hold) if self.watch.takeover_in_ms(&self.bucket, hold, sight.silent_ms, by) > 0 => {
                Err(Error::Locked { holder: Some(Box::new(hold.holder.clone())) })
            }
            _ => Ok(()),
        }
    }

    /// What the next write of a head is based on. Where there is no stack, or it was removed, a new one is begun.
    pub(super) fn base(&self, found: Option<Found>) -> (Option<ETag>, Head) {
        let fresh = || Head::new(Lineage::new(self.bucket.draw_id()));
        match found {
            None => (None, fresh()),
            Some(Found { head, etag }) if head.removed => {
                let Head { rev, nonce, epoch, recent, proof, .. } = head;
                (Some(etag), Head { rev, nonce, epoch, recent, proof, ..fresh() })
            }
            Some(Found { head, etag }) => (Some(etag), head),
        }
    }

    /// Writes a head in the place of `former`; `None` when it is not the head any more, or never was.
    pub(super) async fn swap(&self, folder: &Folder, former: Option<ETag>, next: Head) -> Result<Option<(Found, u64)>> {
        drop(self.watch.take(folder));
        let key = folder.head();
        let mut draft = Draft::new(&self.bucket, &key, former, next)?;
        Ok(match draft.send(&self.bucket, &key).await? {
            Outcome::Written(Written { etag, sent_ms }) => Some((Found { head: draft.head, etag }, sent_ms)),
            Outcome::Passed(_) | Outcome::Elsewhere(_) => None,
        })
    }

    /// Makes sure that the store is fit before something is written to it: this process has tried it out, or the head says that one did lately.
    pub(super) async fn proved(&self, mut head: Head) -> Result<Head> {
        let (place, at_ms) = (self.bucket.objects.place(), self.bucket.world.now_ms());
        let longest_ms = i64::try_from(ms(self.bucket.settings.proof)).unwrap_or(i64::MAX);
        let is_proved = |proof: &Proof| proof.place == place && (0..longest_ms).contains(&(at_ms - proof.at_ms));
        if head.proof.as_ref().is_some_and(is_proved) {
            return Ok(head);
        }
        if !self.probed.load(Ordering::Relaxed) {
            probe(&self.bucket).await?;
            self.probed.store(true, Ordering::Relaxed);
        }
        head.proof = Some(Proof { place, at_ms });
        Ok(head)
    }

    /// Does work that needs the stack's keys. Keys that are made with it are kept in the head, which must be free then, before the work counts.
    pub(super) async fn with_keys<T>(&self, folder: &Folder, mut work: impl FnMut(&Sealer) -> Result<T>) -> Result<T> {
        for _ in 0..ATTEMPTS_MAX {
            let sight = self.watch.look(&self.bucket, folder).await?;
            let keys = sight.as_ref().and_then(|sight| sight.found.head.keys.clone());
            let sealer = self.sealer(folder, keys).await?;
            let done = work(&sealer)?;
            let Some(keys) = sealer.unsaved() else { return Ok(done) };
            if self.keep_keys(folder, sight, keys).await? {
                return Ok(done);
            }
        }
        Err(Error::Locked { holder: None })
    }

    /// Gives keys to a stack that has none.
    pub(super) async fn give_keys(&self, folder: &Folder, keys: &WrappedKey) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            let sight = self.watch.look(&self.bucket, folder).await?;
            if sight.as_ref().is_some_and(|sight| sight.found.head.keys.is_some())
                || self.keep_keys(folder, sight, keys.clone()).await?
            {
                return Ok(());
            }
        }
        Err(Error::Locked { holder: None })
    }

    /// Writes keys into a head, which must be free; says whether it was still the one that was seen.
    async fn keep_keys(&self, folder: &Folder, sight: Option<Sight>, keys: WrappedKey) -> Result<bool> {
        if let Some(sight) = &sight {
            self.check_free(sight, &Holder::current())?;
        }
        let (former, head) = self.base(sight.map(|sight| sight.found));
        let mut next = freed(self.proved(head).await?);
        next.keys = Some(keys);
        Ok(self.swap(folder, former, next).await?.is_some())
    }

    /// Ends another's hold.
    pub(super) async fn fence(&self, folder: &Folder) -> Result<Option<Holder>> {
        for _ in 0..ATTEMPTS_MAX {
            let Some(sight) = self.watch.look(&self.bucket, folder).await? else { return Ok(None) };
            let Found { head, etag } = sight.found;
            let Some(hold) = head.hold.clone() else { return Ok(None) };
            let next = freed(self.proved(head).await?);
            if self.swap(folder, Some(etag), next).await?.is_some() {
                return Ok(Some(hold.holder));
            }
        }
        Err(Error::Locked { holder: None })
    }

    /// Puts a tombstone in the place of the head.
    pub(super) async fn bury(&self, folder: &Folder, by: &Holder) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            let Some(sight) = self.watch.look(&self.bucket, folder).await? else { return Ok(()) };
            self.check_free(&sight, by)?;
            let Found { head, etag } = sight.found;
            if head.removed {
                return Ok(());
            }
            let Head { lineage, rev, nonce, epoch, recent, proof, .. } = self.proved(head).await?;
            let epoch = epoch + 1;
            let next = Head { rev, nonce, epoch, recent, proof, removed: true, ..Head::new(lineage) };
            if self.swap(folder, Some(etag), next).await?.is_some() {
                return Ok(());
            }
        }
        Err(Error::Locked { holder: None })
    }

    /// The keys of a stack, unlocked.
    pub(super) async fn sealer(&self, folder: &Folder, wrapped: Option<WrappedKey>) -> Result<Sealer> {
        let sealer = Sealer::new(wrapped, self.key_default(folder));
        sealer.unlock().await?;
        Ok(sealer)
    }

    fn key_default(&self, folder: &Folder) -> KeyDefault {
        match &self.bucket.settings.key_folder {
            Some(keys) => KeyDefault::File(folder.key_file(keys)),
            None => KeyDefault::Refuse,
        }
    }
}

/// The head with another holder.
fn taken(mut head: Head, hold: Hold) -> Head {
    if head.hold.is_none() || !planted(Bug::TakeoverWithoutEpoch) {
        head.epoch += 1;
    }
    head.hold = Some(hold);
    head
}

/// The head without the one who held it, who can't write any more.
fn freed(mut head: Head) -> Head {
    if head.hold.take().is_some() {
        head.epoch += 1;
    }
    head
}
