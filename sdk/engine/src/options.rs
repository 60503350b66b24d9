//! What a person or a tool asks of a run.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};
use terrane_core::{State, plan::Purpose};
use tokio::sync::Notify;

/// When the real objects are looked at before planning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Refresh {
    /// Only kinds whose reads are cheap.
    #[default]
    Cheap,
    /// Every object.
    All,
    /// None.
    Never,
}

/// What to plan.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// What the run is for.
    pub purpose: Purpose,
    /// Only these resources and what they need; patterns over names, labels or URNs, `*` for any text.
    pub targets: Vec<String>,
    /// Not these, nor what needs them.
    pub excludes: Vec<String>,
    /// Replace these although nothing about them has changed.
    pub replace: Vec<String>,
    /// Existing objects to adopt, by the resource's name and the object's id.
    pub imports: BTreeMap<String, String>,
    /// When to look at the real objects.
    pub refresh: Refresh,
    /// Bring the real objects back to what this state of the past says, instead of to what the program says.
    pub rollback: Option<Arc<State>>,
}

impl PlanOptions {
    /// Plans for a purpose, with everything else at its default.
    pub fn new(purpose: Purpose) -> Self {
        let (targets, excludes, replace, imports) = (Vec::new(), Vec::new(), Vec::new(), BTreeMap::new());
        Self { purpose, targets, excludes, replace, imports, refresh: Refresh::Cheap, rollback: None }
    }
}

/// How to carry out a plan.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// How many steps run at the same time.
    pub parallel: usize,
    /// Whether steps that don't depend on a failed one still run.
    pub continue_on_error: bool,
    /// What the person says about the run; kept in the history.
    pub message: String,
    /// What the run is called in events, in the history and to who waits for it; else what its plan is for, `up` or `destroy`.
    pub command: Option<&'static str>,
    /// How to stop it.
    pub interrupt: Interrupt,
    /// How long a verb may take, waiting included, if its resource doesn't say.
    pub timeout: Duration,
    /// What to do when a part of the program gets the values that it waited for, and nobody has seen what it would do.
    pub unseen: Unseen,
}

/// What a run does with the parts of a program that waited for values when the plan was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unseen {
    /// They are planned and carried out, as long as they destroy nothing that was not shown.
    #[default]
    GoOn,
    /// The run ends before them, with [`Ending::Unseen`](crate::Ending::Unseen).
    Stop,
}

/// How many steps run at the same time, if nobody says otherwise.
pub const PARALLEL: usize = 64;

impl Default for ApplyOptions {
    fn default() -> Self {
        Self {
            parallel: PARALLEL,
            continue_on_error: false,
            message: String::new(),
            command: None,
            interrupt: Interrupt::default(),
            timeout: Duration::from_secs(30 * 60),
            unseen: Unseen::GoOn,
        }
    }
}

/// Stops a run: the first time it finishes what is running, the second time it stops at once, which is as safe as a crash.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<(AtomicU8, Notify)>);

impl Interrupt {
    /// Asks once more.
    pub fn raise(&self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
        self.0.1.notify_waiters();
        self.0.1.notify_one();
    }

    /// How often it was asked.
    pub fn level(&self) -> u8 {
        self.0.0.load(Ordering::SeqCst)
    }

    /// Waits until it is asked more than `level` times.
    pub async fn above(&self, level: u8) {
        while self.level() <= level {
            let asked = self.0.1.notified();
            if self.level() > level {
                return;
            }
            asked.await;
        }
    }
}
