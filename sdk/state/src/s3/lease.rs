//! Who holds a stack, for how long a holder has been silent, and when another may take its place.
//!
//! No two clocks are compared. A holder changes the head again and again; whoever waits looks whether it changes, by its own clock. That clock
//! counts the time in which the machine sleeps, on both sides: a laptop that wakes up must find its permit over.

use super::{
    bucket::{Bucket, Folder},
    error::Result,
    head::{Head, Hold},
    read::{self, Found},
    settings::ms,
    writer::Writer,
};
use crate::{CLOCKS_DIFFER_MAX, Error, Held, Holder, objects::ETag};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use terrane_core::State;
use terrane_core::planted::{Bug, planted};

/// How long after it was read a writer may begin with a head.
const FRESH_MS: u64 = 5_000;

/// What a process has seen of holders.
#[derive(Default)]
pub(super) struct Watch(Mutex<Watched>);

#[derive(Default)]
struct Watched {
    /// For each stack, the head as it was seen last, and since when it is the same, by the lease clock.
    seen: BTreeMap<Folder, (ETag, u64)>,
    /// What was read last.
    read: Option<Read>,
    /// Holds of this process that were dropped without being released.
    dropped: BTreeSet<String>,
}

/// A head, and for how long it has been the same.
pub(super) struct Sight {
    pub(super) found: Found,
    pub(super) silent_ms: u64,
}

impl Sight {
    /// How long ago another can last have begun a call: its permit began with the head, which nobody has changed since. By the writer's clock
    /// that may be longer than was watched.
    pub(super) fn quiet(&self, bucket: &Bucket) -> Duration {
        let since_ms = bucket.world.now_ms().saturating_sub(self.found.head.at_ms);
        let by_its_clock = Duration::from_millis(since_ms.try_into().unwrap_or(0)).saturating_sub(CLOCKS_DIFFER_MAX);
        by_its_clock.max(Duration::from_millis(self.silent_ms)).saturating_sub(bucket.settings.permit)
    }
}

/// A stack as it was read.
pub(super) struct Read {
    pub(super) folder: Folder,
    pub(super) found: Found,
    pub(super) state: State,
    /// When the head was asked for, by the lease clock.
    pub(super) asked_ms: u64,
}

impl Read {
    /// Whether a writer may begin with it without looking again: the stack was free a moment ago. Should it have changed since, the first write
    /// fails, which is no worse than if it changed now.
    pub(super) fn is_fresh(&self, bucket: &Bucket) -> bool {
        self.found.head.hold.is_none() && bucket.lease_clock_ms().saturating_sub(self.asked_ms) < FRESH_MS
    }
}

impl Watch {
    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a stack's head and remembers it.
    pub(super) async fn look(&self, bucket: &Bucket, folder: &Folder) -> Result<Option<Sight>> {
        let asked_ms = bucket.lease_clock_ms();
        let Some(found) = read::head(bucket, folder).await? else { return Ok(None) };
        let answered_ms = bucket.lease_clock_ms();
        let mut watched = self.watched();
        let silent_ms = match watched.seen.get(folder) {
            // It was the same from the first answer to the last question: any other reading of the clock would count time not watched.
            Some((etag, since_ms)) if *etag == found.etag => asked_ms.saturating_sub(*since_ms),
            _ => {
                watched.seen.insert(folder.clone(), (found.etag.clone(), answered_ms));
                0
            }
        };
        Ok(Some(Sight { found, silent_ms }))
    }

    /// Keeps what was read of a stack, for who begins to write to it right after.
    pub(super) fn keep(&self, read: Read) {
        self.watched().read = Some(read);
    }

    /// What was read of a stack last, unless something else was read since.
    pub(super) fn take(&self, folder: &Folder) -> Option<Read> {
        self.watched().read.take_if(|read| read.folder == *folder)
    }

    /// Remembers that a hold of this process is gone.
    pub(super) fn dropped(&self, writer: &str) {
        self.watched().dropped.insert(writer.to_owned());
    }

    /// In how many milliseconds `by` may take the place of a holder, if it stays silent.
    pub(super) fn takeover_in_ms(&self, bucket: &Bucket, hold: &Hold, silent_ms: u64, by: &Holder) -> u64 {
        let is_gone = self.watched().dropped.contains(&hold.writer)
            || (hold.holder.is_beside(by) && !(bucket.settings.is_alive)(&hold.holder));
        if is_gone { 0 } else { ms(bucket.settings.silence).saturating_sub(silent_ms) }
    }

    /// Who holds a stack, as `by` sees it.
    pub(super) async fn held(&self, bucket: &Bucket, folder: &Folder, by: &Holder) -> Result<Option<Held>> {
        let Some(Sight { found, silent_ms }) = self.look(bucket, folder).await? else { return Ok(None) };
        Ok(found.head.hold.map(|hold| {
            let takeover_in_ms = Some(self.takeover_in_ms(bucket, &hold, silent_ms, by));
            Held { holder: hold.holder, silent_ms, takeover_in_ms }
        }))
    }
}

/// What a holder knows of its hold. Asked before each call, without waiting.
pub(super) struct Pulse(Mutex<Beat>);

#[derive(Default)]
struct Beat {
    /// When the last write that succeeded was sent, by the lease clock; none before the first.
    sent_ms: Option<u64>,
    /// Set when the stack is known to be another's, or to be free.
    lost: Option<Option<Box<Holder>>>,
}

impl Pulse {
    pub(super) fn new(sent_ms: Option<u64>) -> Self {
        Self(Mutex::new(Beat { sent_ms, lost: None }))
    }

    fn beat(&self) -> MutexGuard<'_, Beat> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A write that was sent then has succeeded.
    pub(super) fn renew(&self, sent_ms: u64) {
        let mut beat = self.beat();
        beat.sent_ms = beat.sent_ms.max(Some(sent_ms));
    }

    /// The hold is over; the head says whose the stack is.
    pub(super) fn lose(&self, head: Option<&Head>) {
        let by = head.and_then(|head| head.hold.as_ref()).map(|hold| Box::new(hold.holder.clone()));
        self.beat().lost.get_or_insert(by);
    }

    pub(super) fn is_lost(&self) -> bool {
        self.beat().lost.is_some()
    }

    /// Whether a write has succeeded and the hold isn't known to be over.
    pub(super) fn beats(&self) -> bool {
        let beat = self.beat();
        beat.sent_ms.is_some() && beat.lost.is_none()
    }

    /// # Errors
    /// [`Error::LeaseLost`] when the hold is known to be over.
    pub(super) fn check(&self) -> Result<()> {
        match &self.beat().lost {
            Some(by) => Err(Error::LeaseLost { by: by.clone() }),
            None => Ok(()),
        }
    }

    /// # Errors
    /// [`Error::LeaseLost`] when the hold is known to be over, or has not begun; [`Error::LeaseStale`] when the last sign of life is too long ago.
    pub(super) fn permit(&self, bucket: &Bucket) -> Result<()> {
        self.check()?;
        let sent_ms = self.beat().sent_ms.ok_or(Error::LeaseLost { by: None })?;
        let silent_ms = bucket.lease_clock_ms().saturating_sub(sent_ms);
        if silent_ms <= ms(bucket.settings.permit) { Ok(()) } else { Err(Error::LeaseStale { silent_ms }) }
    }

    /// In how many milliseconds a sign of life is due.
    pub(super) fn due_in_ms(&self, bucket: &Bucket) -> u64 {
        let since_ms = self.beat().sent_ms.map_or(0, |sent_ms| bucket.lease_clock_ms().saturating_sub(sent_ms));
        ms(bucket.settings.beat).saturating_sub(since_ms)
    }
}

impl Writer {
    /// Gives signs of life for as long as the writer is held.
    pub(super) fn keep_beating(self: &Arc<Self>) {
        let (writer, world) = (Arc::downgrade(self), self.bucket.world.clone());
        let mut pause = self.bucket.settings.beat;
        self.bucket.world.spawn(Box::pin(async move {
            loop {
                world.sleep(pause).await;
                let Some(writer) = writer.upgrade() else { return };
                let Some(next) = writer.beat().await else { return };
                pause = next;
            }
        }));
    }

    /// Writes the head, if nothing else did lately; says when to look again. What fails shows in the permit and with the next commit.
    async fn beat(&self) -> Option<Duration> {
        let shortest = self.bucket.settings.beat / 10;
        if self.pulse.due_in_ms(&self.bucket) == 0
            && let Ok(mut register) = self.register.try_lock()
        {
            let keep = |head: &mut Head| head.rev -= u64::from(planted(Bug::BeatKeepsRevision));
            let _ = self.write(&mut register, keep).await;
        }
        if self.pulse.is_lost() {
            return None;
        }
        Some(Duration::from_millis(self.pulse.due_in_ms(&self.bucket)).max(shortest))
    }
}
