//! A stack's journal in a bucket.

use super::{lease::Watch, writer::Writer};
use crate::{
    Error, Journal,
    secrets::{KeyChange, WrappedKey},
};
use async_trait::async_trait;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use terrane_core::{
    Record, State,
    failpoint::{Point, reach},
};

/// A stack that is held, from the first commit on or before, until the value is closed or dropped.
pub(super) struct S3Journal {
    writer: Arc<Writer>,
    watch: Arc<Watch>,
    opened: State,
    quiet: Duration,
    /// Whether signs of life are given.
    beating: AtomicBool,
}

impl S3Journal {
    pub(super) fn new(writer: Writer, watch: Arc<Watch>, opened: State, quiet: Duration) -> Self {
        let journal = Self { writer: Arc::new(writer), watch, opened, quiet, beating: AtomicBool::new(false) };
        journal.begin_beating();
        journal
    }

    /// Gives signs of life, once the stack is held.
    fn begin_beating(&self) {
        if self.writer.pulse.beats() && !self.beating.swap(true, Ordering::Relaxed) {
            self.writer.keep_beating();
        }
    }
}

#[async_trait]
impl Journal for S3Journal {
    fn state(&self) -> State {
        self.opened.clone()
    }

    fn permit(&self) -> Result<(), Error> {
        self.writer.pulse.permit(&self.writer.bucket)
    }

    fn quiet(&self) -> Duration {
        self.quiet
    }

    async fn commit(&self, records: Vec<Record>) -> Result<(), Error> {
        let is_fold_due = self.writer.commit(records).await?;
        self.begin_beating();
        if is_fold_due {
            self.writer.fold_beside();
        }
        Ok(())
    }

    async fn change_keys(&self, change: &KeyChange) -> Result<WrappedKey, Error> {
        self.writer.sealer.change(change).await
    }

    async fn seal(&self, _: &State) -> Result<(), Error> {
        self.writer.keep_point().await?;
        self.writer.fold_if_due().await;
        Ok(())
    }

    async fn finish(&self, records: Vec<Record>, _: &State) -> Result<(), Error> {
        // One write is all three: what could come between them here is before it.
        reach(Point::BeforeSeal);
        reach(Point::BeforeRelease);
        self.writer.finish(records).await
    }

    async fn close(&self) -> Result<(), Error> {
        self.writer.release().await
    }
}

impl Drop for S3Journal {
    fn drop(&mut self) {
        // As with a killed process, the head goes on naming this one. Nothing more is written, and this process knows that it is gone.
        if !self.writer.pulse.is_lost() {
            self.watch.dropped(&self.writer.id);
            self.writer.pulse.lose(None);
        }
    }
}
