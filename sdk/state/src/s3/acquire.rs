//! Taking a stack: reading it, and writing this process into its head, alone or with its first records. Also the writes of a head that
//! nobody holds.

use super::{
    S3Store,
    bucket::Folder,
    commit::{Draft, Outcome, Written},
    error::Result,
    head::{Head, Hold},
    lease::Sight,
    probe::proved,
    read::{Found, Patience, Reader},
    writer::{Base, Writer},
};
use crate::{
    Error, Holder,
    objects::ETag,
    sealer::{KeyDefault, Sealer},
    secrets::WrappedKey,
};
use jiff::Timestamp;
use std::time::Duration;
use terrane_core::{
    State,
    planted::{Bug, planted},
    state::Lineage,
};

/// How often a stack is tried to be taken from others that change it at the same time.
const ATTEMPTS_MAX: u32 = 8;

/// How the write of a head ended that nobody holds.
pub(super) enum Swap {
    /// It is the head now.
    Written {
        /// The head.
        found: Box<Found>,
        /// When it was sent.
        sent_ms: u64,
    },
    /// It was carried out, and others have written since.
    Passed,
    /// It was certainly not carried out.
    Refused,
    /// Others have written so much that nobody can tell.
    Unclear,
}

impl Swap {
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Written { .. } | Self::Passed)
    }
}

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
            let hold = Hold { writer: self.bucket.draw_id(), holder: self.since_now(holder) };
            let base = if head.hold.is_none() && !state.is_cut_off() {
                Base::Free { head, etag: former }
            } else {
                let next = taken(proved(&self.bucket, head).await?, hold.clone());
                let Swap::Written { found, sent_ms } = self.swap(folder, former, next).await? else { continue };
                Base::Held { found: *found, sent_ms }
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
                let Head { rev, nonce, epoch, recent, proof, keys, .. } = head;
                (Some(etag), Head { rev, nonce, epoch, recent, proof, keys, ..fresh() })
            }
            Some(Found { head, etag }) => (Some(etag), head),
        }
    }

    /// Writes a head in the place of `former`.
    pub(super) async fn swap(&self, folder: &Folder, former: Option<ETag>, next: Head) -> Result<Swap> {
        drop(self.watch.take(folder));
        let key = folder.head();
        let mut draft = Draft::new(&self.bucket, &key, former, next)?;
        Ok(match draft.send(&self.bucket, &key).await? {
            Outcome::Written(Written { etag, sent_ms }) => {
                Swap::Written { found: Box::new(Found { head: draft.head, etag }), sent_ms }
            }
            Outcome::Passed(_) => Swap::Passed,
            Outcome::Elsewhere(Some(found)) if found.precludes(&draft.head) => Swap::Refused,
            Outcome::Elsewhere(_) => Swap::Unclear,
        })
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
        let mut next = freed(proved(&self.bucket, head).await?);
        next.keys = Some(keys);
        Ok(self.swap(folder, former, next).await?.is_done())
    }

    /// Ends the hold of `holder`: it can't write from now on. The stack is free when it can't begin calls either, as it may not know for as long
    /// as its permit lasts. Until then its name stays there, so that nobody takes the stack at once should this process die meanwhile. Says
    /// whether it had the stack.
    ///
    /// # Errors
    /// [`Error::Locked`] when another has it by now.
    pub(super) async fn fence(&self, folder: &Folder, holder: &Holder) -> Result<bool> {
        for _ in 0..ATTEMPTS_MAX {
            let Some(Sight { found, .. }) = self.watch.look(&self.bucket, folder).await? else { return Ok(false) };
            let Found { head, etag } = found;
            let Some(hold) = &head.hold else { return Ok(false) };
            if hold.holder != *holder {
                return Err(Error::Locked { holder: Some(Box::new(hold.holder.clone())) });
            }
            let fenced = Hold { writer: self.bucket.draw_id(), holder: holder.clone() };
            let next = taken(proved(&self.bucket, head).await?, fenced);
            match self.swap(folder, Some(etag), next).await? {
                Swap::Written { found, .. } => {
                    let Found { head, etag } = *found;
                    self.bucket.world.sleep(self.bucket.settings.permit).await;
                    // Should it not be the head any more, others were taken in by the silence: it isn't theirs either.
                    self.swap(folder, Some(etag), freed(head)).await?;
                    return Ok(true);
                }
                Swap::Passed => return Ok(true),
                Swap::Refused | Swap::Unclear => {}
            }
        }
        Err(Error::Locked { holder: None })
    }

    /// Puts a tombstone in the place of the head, or of another tombstone: no write that is based on the former one comes after it.
    pub(super) async fn bury(&self, folder: &Folder, by: &Holder) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            let Some(sight) = self.watch.look(&self.bucket, folder).await? else { return Ok(()) };
            self.check_free(&sight, by)?;
            let Found { head, etag } = sight.found;
            let Head { lineage, rev, nonce, epoch, recent, proof, keys, .. } = proved(&self.bucket, head).await?;
            let (epoch, keys) = (epoch + 1, self.lasting(folder, keys).await);
            let next = Head { rev, nonce, epoch, recent, proof, keys, removed: true, ..Head::new(lineage) };
            if self.swap(folder, Some(etag), next).await?.is_done() {
                return Ok(());
            }
        }
        Err(Error::Locked { holder: None })
    }

    /// The keys of a state that goes, for the one that may come: what is sealed elsewhere opens with them. With keys that are gone or damaged
    /// the stack could not begin anew.
    pub(super) async fn lasting(&self, folder: &Folder, keys: Option<WrappedKey>) -> Option<WrappedKey> {
        match self.sealer(folder, keys.clone()).await {
            Err(error) if error.is_damage() => None,
            _ => keys,
        }
    }

    /// A holder from this moment on: it may have waited for others.
    fn since_now(&self, holder: &Holder) -> Holder {
        let since = Timestamp::from_millisecond(self.bucket.world.now_ms()).unwrap_or(holder.since);
        Holder { since, ..holder.clone() }
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
