//! JSON on standard output: one value a line, each with its number and time. Secrets are masked.

use crate::{
    error::{Error, Result},
    terminal::Terminal,
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};
use terrane_core::{Plan, Properties, State};
use terrane_engine::{Event, Report, What};

/// The lines of one call of the program. Clones share the numbering.
#[derive(Clone)]
pub(crate) struct Stream {
    sequence: Arc<Mutex<u64>>,
    terminal: Terminal,
}

/// A line that is the command line's own and not the engine's.
#[derive(Serialize)]
struct Own<'a> {
    sequence: u64,
    at_ms: i64,
    event: &'a str,
    #[serde(flatten)]
    what: Value,
}

impl Stream {
    pub(crate) fn new(terminal: Terminal) -> Self {
        Self { sequence: Arc::default(), terminal }
    }

    /// An event of the engine.
    pub(crate) fn event(&self, at_ms: i64, what: What) -> Result<()> {
        self.write(|sequence| serde_json::to_string(&Event { sequence, at_ms, what }))
    }

    /// The plan.
    pub(crate) fn planned(&self, plan: &Plan) -> Result<()> {
        self.own("planned", json!({ "plan": masked_plan(plan) }))
    }

    /// The end of a run.
    pub(crate) fn report(&self, report: &Report) -> Result<()> {
        let report = Report { exports: Properties::plain(report.exports.masked()), ..report.clone() };
        self.own("report", json!({ "report": report }))
    }

    /// Why the command failed.
    pub(crate) fn error(&self, error: &Error) -> Result<()> {
        let Error { message, details, hints, faults, .. } = error;
        let status = error.exit as i32;
        self.own(
            "error",
            json!({"message": message, "details": details, "help": hints, "faults": faults, "status": status}),
        )
    }

    /// Something else, under its name.
    pub(crate) fn own(&self, event: &str, what: Value) -> Result<()> {
        self.write(|sequence| serde_json::to_string(&Own { sequence, at_ms: now_ms(), event, what }))
    }

    fn write(&self, line: impl FnOnce(u64) -> serde_json::Result<String>) -> Result<()> {
        // Held while writing, so that the lines come in the order of their numbers.
        let mut sequence = self.sequence.lock().unwrap_or_else(PoisonError::into_inner);
        *sequence += 1;
        let line = line(*sequence).map_err(|error| Error::failed(format!("could not write JSON: {error}")))?;
        self.terminal.out_line(line)
    }
}

/// Now, in milliseconds of Unix time.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A plan without its secrets.
pub(crate) fn masked_plan(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    let Ok(()) = plan.visit_secrets(&mut mask);
    plan
}

/// A state without its secrets.
pub(crate) fn masked_state(mut state: State) -> State {
    let Ok(()) = state.visit_secrets(&mut mask);
    state
}

/// Properties with each secret replaced.
pub(crate) fn mask(_: &str, properties: &mut Properties) -> std::result::Result<(), Infallible> {
    *properties = Properties::new(properties.masked(), properties.secret.clone());
    Ok(())
}
