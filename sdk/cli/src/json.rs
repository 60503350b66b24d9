//! JSON on standard output: one value a line, each with its number and time. Secrets are masked.

use crate::{
    error::{Error, Result},
    terminal::Terminal,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};
use terrane_core::{Fault, Plan, Properties, State};
use terrane_engine::{Drift, Report, What};

/// The lines of one call of the program. Clones share the numbering.
#[derive(Clone)]
pub(crate) struct Stream {
    sequence: Arc<Mutex<u64>>,
    terminal: Terminal,
}

/// One line of `--json`.
#[derive(Serialize, JsonSchema)]
struct Line {
    /// Numbered from 1 in each call of the program.
    sequence: u64,
    /// When, in milliseconds of Unix time.
    at_ms: i64,
    /// What is told.
    #[serde(flatten)]
    told: Told,
}

/// What a line tells.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Told {
    /// What happens in a run.
    Run(What),
    /// What the command line has to say.
    Own(Own),
}

/// What the command line has to say. Secrets are masked.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Own {
    /// What a run would do, before it begins.
    Planned {
        /// The plan, in the form in which `preview --save` writes it.
        #[schemars(with = "Map<String, Value>")]
        plan: Box<Plan>,
    },
    /// The end of a run.
    Report {
        /// What it has done.
        report: Box<Report>,
    },
    /// How real objects differ from state.
    Drift {
        /// For each object that differs, its `urn`, whether it is `gone`, and the `changes`.
        #[schemars(with = "Vec<Map<String, Value>>")]
        drift: Vec<Drift>,
    },
    /// Why the command failed.
    Error {
        /// What failed.
        message: String,
        /// What else is known of it.
        details: Vec<String>,
        /// What to do.
        help: Vec<String>,
        /// The faults of a program, each with its `code`, `message`, `help` and the `sites` of what it is about.
        #[schemars(with = "Vec<Map<String, Value>>")]
        faults: Vec<Fault>,
        /// The exit status.
        status: i32,
    },
}

/// The JSON schema of each line that `--json` prints while a command runs.
pub fn schema() -> Value {
    schemars::schema_for!(Line).to_value()
}

impl Stream {
    pub(crate) fn new(terminal: Terminal) -> Self {
        Self { sequence: Arc::default(), terminal }
    }

    /// An event of the engine.
    pub(crate) fn event(&self, at_ms: i64, what: What) -> Result<()> {
        self.write(at_ms, Told::Run(what))
    }

    /// The plan.
    pub(crate) fn planned(&self, plan: &Plan) -> Result<()> {
        self.own(Own::Planned { plan: Box::new(masked_plan(plan)) })
    }

    /// The end of a run.
    pub(crate) fn report(&self, report: &Report) -> Result<()> {
        let report = Report { exports: Properties::plain(report.exports.masked()), ..report.clone() };
        self.own(Own::Report { report: Box::new(report) })
    }

    /// How real objects differ from state.
    pub(crate) fn drift(&self, drift: &[Drift]) -> Result<()> {
        self.own(Own::Drift { drift: drift.to_vec() })
    }

    /// Why the command failed.
    pub(crate) fn error(&self, error: &Error) -> Result<()> {
        let Error { message, details, hints: help, faults, exit } = error;
        let (message, details, help) = (message.clone(), details.clone(), help.clone());
        self.own(Own::Error { message, details, help, faults: faults.clone(), status: *exit as i32 })
    }

    fn own(&self, own: Own) -> Result<()> {
        self.write(now_ms(), Told::Own(own))
    }

    fn write(&self, at_ms: i64, told: Told) -> Result<()> {
        // Held while writing, so that the lines come in the order of their numbers.
        let mut sequence = self.sequence.lock().unwrap_or_else(PoisonError::into_inner);
        *sequence += 1;
        let line = serde_json::to_string(&Line { sequence: *sequence, at_ms, told });
        self.terminal.out_line(line.map_err(|error| Error::failed(format!("could not write JSON: {error}")))?)
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
