//! What a run tells while it runs: a stream of typed events. `--json` prints one a line.

use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;
use terrane_core::{Urn, plan::Counts};

/// What happened.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// A run begins to carry out a plan.
    RunStarted {
        /// `up`, `destroy`, `import`.
        command: String,
        /// The project.
        project: String,
        /// The stack.
        stack: String,
        /// How many resources the program has.
        resources: usize,
        /// How many steps change something.
        steps: usize,
    },
    /// Somebody else works on the stack, and this run waits for it.
    LockWaiting {
        /// The stack.
        stack: String,
        /// Who works on it, as `user@host`, if they said so.
        holder: Option<String>,
        /// Their command.
        command: Option<String>,
        /// Since when, in milliseconds of Unix time.
        since_ms: Option<i64>,
        /// How long this run has waited, in milliseconds.
        waited_ms: u64,
        /// How long it is ready to wait, in milliseconds.
        limit_ms: u64,
        /// For how long the holder has given no sign of life, as far as this run has watched, in milliseconds.
        silent_ms: Option<u64>,
        /// How much longer it has to stay silent until it is taken for dead, in milliseconds; none where the system itself knows that.
        takeover_in_ms: Option<u64>,
    },
    /// After a crash, an operation that was open has found its end.
    Recovered {
        /// The resource.
        #[schemars(with = "String")]
        urn: Urn,
        /// What was found and done.
        text: String,
    },
    /// A resource's real object is being looked at.
    Reading {
        /// The resource.
        #[schemars(with = "String")]
        urn: Urn,
    },
    /// A step begins.
    StepStarted {
        /// The resource.
        #[schemars(with = "String")]
        urn: Urn,
        /// `create`, `update`, `delete`, …
        verb: String,
        /// How long such steps took lately, in milliseconds.
        usual_ms: Option<u64>,
    },
    /// What a running step waits for, in the field's own words.
    StepProgress {
        /// The resource.
        #[schemars(with = "String")]
        urn: Urn,
        /// The words.
        text: String,
    },
    /// A step failed in a way that may pass, and will be tried again.
    StepRetried {
        /// The resource.
        #[schemars(with = "String")]
        urn: Urn,
        /// The number of the coming attempt, from 2.
        attempt: u32,
        /// How long until then, in milliseconds.
        wait_ms: u64,
        /// The failure.
        message: String,
    },
    /// A step has ended well.
    StepDone {
        /// The resource.
        #[schemars(with = "String")]
        urn: Urn,
        /// `create`, `update`, `delete`, …
        verb: String,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
    /// A step has failed.
    StepFailed {
        /// The resource.
        #[schemars(with = "String")]
        urn: Urn,
        /// `create`, `update`, `delete`, …
        verb: String,
        /// Where the resource is declared.
        site: String,
        /// What failed.
        message: String,
        /// What to do.
        help: Option<String>,
        /// The page that explains it.
        code: Option<String>,
    },
    /// A step was not started.
    StepSkipped {
        /// The resource.
        #[schemars(with = "String")]
        urn: Urn,
        /// Why.
        because: String,
    },
    /// A rollout waits until the whole is healthy.
    GateWaiting {
        /// The rollout.
        rollout: String,
        /// What it waits for.
        text: String,
    },
    /// A part of the program got the value that it waited for.
    Expanded {
        /// Its scope.
        scope: String,
        /// How many resources it has.
        resources: usize,
    },
    /// No more steps are started; the running ones are finished.
    Draining {
        /// How many are running.
        running: usize,
    },
    /// A run has ended.
    RunEnded {
        /// `done`, `failed`, `interrupted`, `needs_approval`, `unseen`.
        result: String,
        /// What was carried out.
        #[schemars(with = "std::collections::BTreeMap<String, usize>")]
        counts: Counts,
        /// How long it took, in milliseconds.
        took_ms: u64,
    },
}

type Sink = Arc<dyn Fn(What) + Send + Sync>;

/// Where a run's events go.
#[derive(Clone)]
pub struct Events(Sink);

impl Events {
    /// Events that go to `sink`, which must not block.
    pub fn to(sink: impl Fn(What) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Events that nobody hears.
    pub fn unheard() -> Self {
        Self::to(|_| {})
    }

    /// Tells one.
    pub fn tell(&self, what: What) {
        (self.0)(what);
    }
}
