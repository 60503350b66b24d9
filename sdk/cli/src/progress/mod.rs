//! What a run tells while it runs, as a person or a tool wants to hear it.

mod lines;
mod live;
mod tally;
mod words;

use crate::{
    json::{self, Stream},
    terminal::Terminal,
};
use std::{
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};
use terrane_engine::{Events, What};

/// How often a terminal is redrawn when nothing happens.
const TICK: Duration = Duration::from_millis(100);

/// How it is shown.
pub(crate) enum Style {
    /// Lines on stderr that are rewritten in place.
    Live,
    /// A line on stderr for each event.
    Lines,
    /// A line of JSON on stdout for each event.
    Json(Stream),
}

enum Message {
    Told(i64, What),
    End,
}

/// Shows events until it is ended. The engine never waits for it.
pub(crate) struct Progress {
    events: Events,
    sender: Sender<Message>,
    worker: Option<JoinHandle<()>>,
}

trait Show {
    /// Something has happened.
    fn show(&mut self, at_ms: i64, what: What);
    /// Nothing has happened for a while.
    fn tick(&mut self) {}
    /// Leaves the terminal as it should stay.
    fn end(&mut self) {}
}

impl Progress {
    /// Begins to show what is told.
    pub(crate) fn start(style: Style, terminal: Terminal, verbose: bool) -> Self {
        let (sender, receiver) = mpsc::channel();
        let to_worker = sender.clone();
        let events = Events::to(move |what| {
            // After the end nobody listens any more.
            let _ = to_worker.send(Message::Told(json::now_ms(), what));
        });
        let worker = thread::spawn(move || {
            let show: Box<dyn Show> = match style {
                Style::Live => Box::new(live::Live::new(terminal, verbose)),
                Style::Lines => Box::new(lines::Lines::new(terminal)),
                Style::Json(stream) => Box::new(JsonLines { stream, waited_at_ms: None }),
            };
            work(&receiver, show);
        });
        Self { events, sender, worker: Some(worker) }
    }

    /// Where the engine tells.
    pub(crate) fn events(&self) -> &Events {
        &self.events
    }
}

impl Drop for Progress {
    /// Shows what was told before, and gives the terminal back.
    fn drop(&mut self) {
        let _ = self.sender.send(Message::End);
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}

fn work(receiver: &Receiver<Message>, mut show: Box<dyn Show>) {
    loop {
        match receiver.recv_timeout(TICK) {
            Ok(Message::Told(at_ms, what)) => show.show(at_ms, what),
            Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => show.tick(),
        }
    }
    show.end();
}

/// Waiting for a lock is a line at most so often.
const LOCK_AGAIN_MS: i64 = 5_000;

struct JsonLines {
    stream: Stream,
    waited_at_ms: Option<i64>,
}

impl Show for JsonLines {
    fn show(&mut self, at_ms: i64, what: What) {
        if matches!(what, What::LockWaiting { .. }) {
            if self.waited_at_ms.is_some_and(|last_ms| at_ms - last_ms < LOCK_AGAIN_MS) {
                return;
            }
            self.waited_at_ms = Some(at_ms);
        }
        // A reader that has gone away doesn't stop a run.
        let _ = self.stream.event(at_ms, what);
    }
}
