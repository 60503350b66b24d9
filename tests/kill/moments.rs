//! When a run is killed.

use crate::session::Session;
use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    thread,
    time::Duration,
};

/// More lines than a run has.
const EVENTS_MAX: u64 = 24;

/// A moment of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moment {
    /// So long after its start.
    After(Duration),
    /// As soon as it has told so many things.
    Event(u64),
}

/// Random moments, the same in each run of the tests; every other one is an event.
pub(crate) struct Moments {
    random: u64,
    /// As long as a run takes.
    run: Duration,
    events: bool,
}

impl Moments {
    pub(crate) fn new(seed: u64, run: Duration) -> Self {
        Self { random: seed, run, events: false }
    }

    pub(crate) fn next(&mut self) -> Moment {
        self.events = !self.events;
        // Xorshift: any spread will do.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        if self.events {
            Moment::Event(1 + self.random % EVENTS_MAX)
        } else {
            let micros = u64::try_from(self.run.as_micros()).unwrap();
            Moment::After(Duration::from_micros(self.random % micros))
        }
    }
}

/// Starts a run and kills it; tells whether it was killed before its end.
pub(crate) fn kill_at(session: &Session, words: &str, moment: Moment) -> bool {
    // As a user's program runs: with many steps at the same time.
    let mut program = session.program(words);
    let mut run = program.env("TERRANE_PARALLEL", "64").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines();
    match moment {
        Moment::After(time) => thread::sleep(time),
        Moment::Event(number) => (0..number).for_each(|_| drop(lines.next())),
    }
    run.kill().unwrap();
    run.wait().unwrap().code().is_none()
}
