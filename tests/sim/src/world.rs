//! What a simulated process sees of the world: its clocks, its randomness, its background work.

use crate::scheduler::{Pid, Scheduler};
use fastrand::Rng;
use futures_util::future::BoxFuture;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use terrane_state::World;

/// When every simulation begins, in milliseconds of Unix time: a day in 2033.
pub const BEGAN_MS: i64 = 2_000_000_000_000;

/// The world of one process.
pub struct ProcessWorld {
    scheduler: Scheduler,
    pid: Pid,
    /// How much its clock on the wall is wrong, in milliseconds.
    wrong_ms: i64,
    rng: Mutex<Rng>,
}

impl ProcessWorld {
    /// The world of a process whose wall clock is wrong and whose randomness follows a seed.
    pub fn new(scheduler: Scheduler, pid: Pid, wrong_ms: i64, seed: u64) -> Arc<Self> {
        Arc::new(Self { scheduler, pid, wrong_ms, rng: Mutex::new(Rng::with_seed(seed)) })
    }
}

impl World for ProcessWorld {
    fn now_ms(&self) -> i64 {
        BEGAN_MS + self.wrong_ms + i64::try_from(self.scheduler.now_ms()).unwrap_or(i64::MAX / 2)
    }

    fn clock_ms(&self) -> u64 {
        self.scheduler.awake_ms(self.pid)
    }

    fn lease_clock_ms(&self) -> u64 {
        self.scheduler.now_ms()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(self.scheduler.sleep(self.pid, time))
    }

    fn random(&self) -> u64 {
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).u64(..)
    }

    fn spawn(&self, work: BoxFuture<'static, ()>) {
        self.scheduler.spawn(self.pid, work);
    }
}
