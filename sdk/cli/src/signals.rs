//! Ctrl-C and SIGTERM, counted: the first asks for an orderly end, the second for one at once, the third doesn't ask.

use crate::exit::Exit;
use terrane_engine::Interrupt;
use tokio::{
    sync::watch,
    task::{AbortHandle, spawn},
};

/// How often the process was asked to stop.
#[derive(Clone)]
pub(crate) struct Signals(watch::Receiver<u8>);

impl Signals {
    /// Starts to count. Only the runtime's end stops it.
    pub(crate) fn listen() -> Self {
        let (asked, receiver) = watch::channel(0);
        spawn(async move {
            let mut heard = Heard::new();
            while heard.next().await {
                asked.send_modify(|level| *level = u8::saturating_add(*level, 1));
                if *asked.borrow() > 2 {
                    std::process::exit(Exit::Interrupted as i32);
                }
            }
        });
        Self(receiver)
    }

    /// Counted by a test.
    #[cfg(test)]
    pub(crate) fn counted_by(receiver: watch::Receiver<u8>) -> Self {
        Self(receiver)
    }

    /// Whether it was asked more than `level` times.
    pub(crate) fn are_above(&self, level: u8) -> bool {
        *self.0.borrow() > level
    }

    /// Waits until it was asked more than `level` times.
    pub(crate) async fn above(&self, level: u8) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|asked| *asked > level).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Passes each signal on to a run, until the guard is dropped.
    pub(crate) fn raise(&self, interrupt: &Interrupt) -> Raising {
        let (mut receiver, interrupt) = (self.0.clone(), interrupt.clone());
        let task = spawn(async move {
            let mut passed = 0;
            while receiver.wait_for(|asked| *asked > passed).await.is_ok() {
                interrupt.raise();
                passed += 1;
            }
        });
        Raising(task.abort_handle())
    }
}

/// Ends the passing on of signals.
pub(crate) struct Raising(AbortHandle);

impl Drop for Raising {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals as they come.
#[cfg(unix)]
struct Heard(Vec<Signal>);

#[cfg(unix)]
impl Heard {
    fn new() -> Self {
        Self(
            [SignalKind::interrupt(), SignalKind::terminate()]
                .into_iter()
                .filter_map(|kind| signal(kind).ok())
                .collect(),
        )
    }

    /// The next one; false when signals can't be heard.
    async fn next(&mut self) -> bool {
        match self.0.as_mut_slice() {
            [interrupt, terminate] => tokio::select! {
                heard = interrupt.recv() => heard.is_some(),
                heard = terminate.recv() => heard.is_some(),
            },
            [one] => one.recv().await.is_some(),
            _ => false,
        }
    }
}

/// The signals as they come.
#[cfg(not(unix))]
struct Heard;

#[cfg(not(unix))]
impl Heard {
    fn new() -> Self {
        Self
    }

    /// The next one; false when signals can't be heard.
    async fn next(&mut self) -> bool {
        tokio::signal::ctrl_c().await.is_ok()
    }
}
