//! The network between a provider and the cloud. Every request that changes something is held to its intent and its lease as it leaves.

use crate::{
    check::Checkers,
    cloud::{self, Call, Delivery, Habit, Leg, Verb},
    faults::{Fault, Faults},
    promise::Promise,
    scheduler::Scheduler,
    story::Code,
};
use futures_util::{FutureExt, future::BoxFuture};
use std::{
    future::{pending, ready},
    sync::{Arc, OnceLock},
    time::Duration,
};

/// A network that fails.
pub struct Wire {
    scheduler: Scheduler,
    faults: Arc<Faults>,
    checkers: OnceLock<Checkers>,
}

/// What a request can meet with.
const REQUEST: &[Fault] = &[
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::LostRequest,
    Fault::Throttled,
    Fault::ServerError,
    Fault::Partition,
    Fault::Denied,
    Fault::Refused,
];

/// What a request that changes something can meet with besides.
const CHANGE: &[Fault] = &[
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::CrashOnTheWay,
    Fault::LostRequest,
    Fault::Late,
    Fault::Duplicate,
    Fault::Throttled,
    Fault::ServerError,
    Fault::Partition,
    Fault::Denied,
    Fault::Refused,
];

/// What a reply can meet with.
const REPLY: &[Fault] = &[Fault::LostReply, Fault::Reset, Fault::Stop, Fault::Suspend];

/// How late a request can come, at most, in milliseconds: less than what a provider allows for one.
const LATE_MS: u64 = 25_000;

impl Wire {
    /// A network; whoever checks it is told later, because checkers need the cloud.
    pub fn new(scheduler: Scheduler, faults: Arc<Faults>) -> Arc<Self> {
        Arc::new(Self { scheduler, faults, checkers: OnceLock::new() })
    }

    /// Says who checks.
    pub fn checked_by(&self, checkers: Checkers) {
        drop(self.checkers.set(checkers));
    }

    fn after(&self, time: Duration, delivery: Delivery) -> BoxFuture<'static, Delivery> {
        let promise = Promise::default();
        let kept = promise.clone();
        self.scheduler.after(time, move || kept.keep(delivery));
        promise.boxed()
    }

    fn request(&self, call: &Call<'_>) -> BoxFuture<'static, Delivery> {
        let pid = self.scheduler.current();
        let fits = if call.verb.mutates() { CHANGE } else { REQUEST };
        let fate = self.faults.fate(pid, self.scheduler.now_ms(), fits);
        let fate = fate.filter(|fault| *fault != Fault::Duplicate || may_come_twice(call));
        let code = Code::of(call.urn).0 ^ Code::of(call.verb.word()).0;
        self.scheduler.tell(pid, Code(code), || {
            let told = format!("-- {} {} {}", call.verb.word(), call.habit.kind(), call.urn);
            fate.map_or(told.clone(), |fault| format!("{told}    *** {fault}"))
        });
        if call.verb.mutates()
            && let Some(checkers) = self.checkers.get()
        {
            checkers.called(pid, call);
        }
        let patience = Duration::from_millis(200 + self.faults.below(15_000));
        let late = Duration::from_millis(self.faults.below(LATE_MS));
        match fate {
            None => ready(Delivery::Through).boxed(),
            Some(Fault::CrashBefore) => {
                self.scheduler.kill(pid);
                pending().boxed()
            }
            // The process is gone when it would hear of it.
            Some(Fault::CrashAfter) => {
                self.scheduler.kill(pid);
                ready(Delivery::Late(Duration::ZERO)).boxed()
            }
            Some(Fault::CrashOnTheWay) => {
                self.scheduler.kill(pid);
                ready(Delivery::Late(late)).boxed()
            }
            Some(Fault::Stop) => {
                self.scheduler.stop(pid, Duration::from_secs(200));
                ready(Delivery::Through).boxed()
            }
            Some(Fault::Late) => ready(Delivery::Late(late)).boxed(),
            // A token makes it harmless however late it comes; else a retry on the way is meant, which comes while the sender still waits.
            Some(Fault::Duplicate) if call.habit == Habit::Token && call.verb == Verb::Create => {
                ready(Delivery::Again(late)).boxed()
            }
            Some(Fault::Duplicate) => ready(Delivery::Twice).boxed(),
            Some(Fault::Throttled) => self.after(Duration::from_millis(20), Delivery::Throttled),
            Some(Fault::Denied | Fault::Refused) => self.after(Duration::from_millis(20), Delivery::Denied),
            Some(_) => self.after(patience, Delivery::Lost),
        }
    }

    fn reply(&self, call: &Call<'_>) -> BoxFuture<'static, Delivery> {
        let pid = self.scheduler.current();
        let fate = self.faults.reply(pid, self.scheduler.now_ms(), REPLY);
        if let Some(fault) = fate {
            self.scheduler.tell(pid, Code(11), || {
                format!("   the reply to {} {} {}    *** {fault}", call.verb.word(), call.habit.kind(), call.urn)
            });
        }
        let time = Duration::from_millis(500 + self.faults.below(240_000));
        match fate {
            Some(Fault::Stop) => self.scheduler.stop(pid, time),
            Some(Fault::Suspend) => self.scheduler.suspend(pid, time),
            Some(_) => {
                return self.after(Duration::from_millis(200 + self.faults.below(15_000)), Delivery::Lost);
            }
            None => {}
        }
        let slow = if self.faults.below(50) == 0 { 20_000 } else { 300 };
        self.after(Duration::from_millis(5 + self.faults.below(slow)), Delivery::Through)
    }
}

/// Whether nobody is worse off when a request comes twice: no customer can tell two objects apart that one create has made.
fn may_come_twice(call: &Call<'_>) -> bool {
    call.verb != Verb::Create || !matches!(call.habit, Habit::Tags | Habit::Unmarked)
}

impl cloud::Wire for Wire {
    fn send(&self, call: Call<'_>) -> BoxFuture<'static, Delivery> {
        // What runs on in the poll that kills its process does nothing any more.
        if self.scheduler.is_dead(self.scheduler.current()) {
            return pending().boxed();
        }
        match call.leg {
            Leg::Request => self.request(&call),
            Leg::Reply => self.reply(&call),
        }
    }
}
