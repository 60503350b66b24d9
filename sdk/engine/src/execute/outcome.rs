//! The end of a task: its record, what others may count on, and the tally of the run.

use super::{
    Execution,
    task::Begun,
    verb::{Ended, Made},
};
use crate::{Events, Failure, What};
use petgraph::{Direction, graph::NodeIndex};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};
use terrane_core::{
    Error, Fault, Outcome, Properties, Record, Urn,
    plan::{Counts, Op},
    state::{Action, Cut, Done, Failed},
};

/// Why a task does not come to its end.
pub(crate) enum Problem {
    /// The call or its preparation failed.
    Failed(Error),
    /// It would do more than what was approved.
    Unapproved(String),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What a run has done so far, over all of its waves.
#[derive(Default)]
pub(crate) struct Tally {
    /// Whether the run has written anything.
    pub begun: bool,
    /// Records of the last wave that are still to be written.
    pub last: Vec<Record>,
    pub counts: Counts,
    pub failures: Vec<Failure>,
    pub not_started: BTreeSet<Urn>,
    /// What has ended since the last write began, or was not written down by it.
    unwritten: Vec<End>,
    /// What has ended as the write in flight says.
    writing: Vec<End>,
    pub unapproved: Vec<(Urn, String)>,
    pub interrupted: bool,
    pub journal: Option<terrane_state::Error>,
    pub took: BTreeMap<String, (u64, u64)>,
    /// The finished tasks of the present wave: when each began and ended.
    times: HashMap<NodeIndex, (u64, u64)>,
    pub critical_path: Vec<(Urn, u64)>,
}

/// The end of a step as it is counted.
struct End {
    urn: Urn,
    counter: Option<Counter>,
}

/// What a step that was done counts as.
type Counter = fn(&mut Counts) -> &mut usize;

/// How a run ended so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    Well,
    Unapproved,
    Interrupted,
    Failed,
}

impl Tally {
    pub(crate) fn finish(&self) -> Finish {
        if self.journal.is_some() || !self.failures.is_empty() {
            Finish::Failed
        } else if self.interrupted {
            Finish::Interrupted
        } else if !self.unapproved.is_empty() {
            Finish::Unapproved
        } else {
            Finish::Well
        }
    }

    pub(crate) fn journal_failed(&mut self, error: terrane_state::Error) {
        self.journal.get_or_insert(error);
    }

    /// A write begins.
    pub(crate) fn writes(&mut self) {
        self.writing.append(&mut self.unwritten);
    }

    /// It has ended.
    pub(crate) fn wrote(&mut self, result: &Result<(), terrane_state::Error>) {
        let ends = std::mem::take(&mut self.writing);
        if !matches!(result, Ok(()) | Err(terrane_state::Error::Full { .. })) {
            self.unwritten.extend(ends);
        }
    }

    /// The steps whose ends are not written down, after the last write. They don't count as done: the next run finds out about them.
    pub(crate) fn open(&mut self) -> Vec<Urn> {
        let ends: Vec<End> = self.writing.drain(..).chain(self.unwritten.drain(..)).collect();
        for counter in ends.iter().filter_map(|end| end.counter) {
            *counter(&mut self.counts) -= 1;
        }
        ends.into_iter().map(|end| end.urn).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// A step has ended, which is to be written down.
    pub(super) fn ended(&mut self, urn: Urn, counter: Option<Counter>) {
        if let Some(counter) = counter {
            *counter(&mut self.counts) += 1;
        }
        self.unwritten.push(End { urn, counter });
    }

    pub(crate) fn started(&mut self, task: NodeIndex, at_ms: u64) {
        self.times.insert(task, (at_ms, at_ms));
    }

    pub(crate) fn gate_failed(&mut self, rollout: &str, error: &Error, events: &Events) {
        let help = "see what is unhealthy, mend it, and run `up` again: the rollout goes on from here";
        let message = format!("rollout `{rollout}` stopped: {error}");
        events.tell(What::GateWaiting { rollout: rollout.to_owned(), text: message.clone() });
        let error =
            Error::new(message).help(error.hint().unwrap_or(help)).code(error.documented_as().unwrap_or("T0307"));
        let urn = Urn::new("-", "-", "", "rollout", rollout);
        self.failures.push(failure(urn, "gate", String::new(), &error));
    }

    /// A wave that is wrong in itself.
    pub(crate) fn refused(&mut self, faults: &[Fault], events: &Events) {
        for fault in faults {
            let mut error = Error::new(&fault.message);
            error = fault.help.iter().fold(error, Error::help);
            let urn = Urn::new("-", "-", "", "program", "program");
            let mut failure = failure(urn, "plan", fault.sites.first().cloned().unwrap_or_default(), &error);
            failure.code = Some(fault.code.clone());
            events.tell(failure.event());
            self.failures.push(failure);
        }
    }

    fn took(&mut self, key: String, took_ms: u64) {
        let (sum, times) = self.took.entry(key).or_default();
        (*sum, *times) = (*sum + took_ms, *times + 1);
    }
}

/// The old object of a replacement goes without counting.
fn counter(action: Action, op: Op) -> Option<Counter> {
    match (action, op) {
        (Action::Create, Op::Replace { .. }) => Some(|counts| &mut counts.replace),
        (Action::Create, _) => Some(|counts| &mut counts.create),
        (Action::Import, _) => Some(|counts| &mut counts.import),
        (Action::Update, _) => Some(|counts| &mut counts.update),
        (Action::Delete, Op::Replace { .. }) => None,
        (Action::Delete, _) => Some(|counts| &mut counts.delete),
    }
}

fn failure(urn: Urn, verb: &str, site: String, error: &Error) -> Failure {
    let (help, code) = (error.hint().map(str::to_owned), error.documented_as().map(str::to_owned));
    Failure { urn, verb: verb.to_owned(), site, message: error.to_string(), help, code }
}

impl Failure {
    fn event(&self) -> What {
        let Self { urn, verb, site, message, help, code } = self.clone();
        What::StepFailed { urn, verb, site, message, help, code }
    }
}

impl Execution<'_> {
    /// Takes in the end of a call.
    pub(super) fn end(&mut self, ended: Ended) {
        let Ended { task, begun, result, took_ms } = ended;
        if let Some(times) = self.tally.times.get_mut(&task) {
            times.1 = self.run.calls.world.clock_ms();
            self.gather.ended(times.0);
        }
        match result {
            Ok(made) => self.done(task, &begun, made, took_ms),
            Err(error) => {
                let cut = if error.outcome() == Outcome::NotApplied { Cut::NotApplied } else { Cut::Unknown };
                let at_ms = self.run.calls.world.now_ms();
                let failed = Failed { op: begun.intent.op.clone(), cut, message: error.to_string(), at_ms };
                self.record(Record::Failed(failed));
                self.tally.ended(begun.intent.urn.clone(), None);
                self.fail(task, begun.intent.action.verb(), &error);
            }
        }
    }

    fn done(&mut self, task: NodeIndex, begun: &Begun, made: Made, took_ms: u64) {
        let (intent, step) = (&begun.intent, &self.plan.steps[self.order[task].step]);
        let (action, verb) = (intent.action, intent.action.verb());
        if let Some(real) = made.inputs.as_ref()
            && let Some(problem) = self.import_differs(begun, real)
        {
            let at_ms = self.run.calls.world.now_ms();
            self.record(Record::Failed(Failed {
                op: intent.op.clone(),
                cut: Cut::NotApplied,
                message: problem.to_string(),
                at_ms,
            }));
            return self.fail(task, verb, &problem);
        }
        let outputs = Properties::new(made.outputs, intent.secret_outputs.clone());
        let values = outputs.values.clone();
        let at_ms = self.run.calls.world.now_ms();
        self.record(Record::Done(Done { op: intent.op.clone(), outputs, unsettled: made.ready.is_err(), at_ms }));
        if action == Action::Delete {
            self.deleted.insert(intent.urn.clone());
            // A resource that was replaced before keeps what its new object tells.
            if !self.state.live.contains_key(&intent.urn) {
                self.facts.forget(&intent.urn);
            }
        } else {
            if matches!(step.op, Op::Replace { .. }) && action == Action::Create {
                self.replaced.insert(intent.urn.clone());
            }
            self.facts.know(intent.urn.clone(), Arc::clone(&values));
        }
        self.tally.ended(intent.urn.clone(), counter(action, step.op));
        self.tally.took(action.took_key(intent.urn.kind()), took_ms);
        match made.ready {
            Ok(()) => {
                self.run.calls.events.tell(What::StepDone { urn: intent.urn.clone(), verb: verb.to_owned(), took_ms });
                self.complete(task);
            }
            Err(error) => self.fail(task, verb, &error),
        }
    }

    /// An import must not change the object on the sly: program and object have to agree first.
    fn import_differs(&self, begun: &Begun, real: &serde_json::Map<String, serde_json::Value>) -> Option<Error> {
        let wanted = &begun.intent.inputs;
        let differs =
            wanted.values.iter().filter(|(name, value)| !wanted.is_secret(name) && real.get(*name) != Some(*value));
        let told: Vec<String> = differs
            .map(|(name, value)| {
                let is = real.get(name).map_or_else(|| "nothing".to_owned(), ToString::to_string);
                format!("`{name}` is {value} in the program and {is} in the object that is to be imported")
            })
            .collect();
        if told.is_empty() {
            return None;
        }
        let message = told.join("; ");
        Some(
            Error::new(message)
                .code("T0308")
                .help("let the program say what the object is; change it in a later run")
                .not_applied(),
        )
    }

    pub(super) fn give_up(&mut self, task: NodeIndex, problem: Problem) {
        match problem {
            Problem::Failed(error) => {
                let planned = super::action_of(&self.plan.steps[self.order[task].step], self.order[task].part);
                self.fail(task, planned.map_or("keep", Action::verb), &error);
            }
            Problem::Unapproved(because) => {
                let urn = self.plan.steps[self.order[task].step].urn.clone();
                self.run.calls.events.tell(What::StepSkipped { urn: urn.clone(), because: because.clone() });
                self.tally.unapproved.push((urn, because));
                self.skip_after(task);
            }
        }
    }

    fn fail(&mut self, task: NodeIndex, verb: &str, error: &Error) {
        let step = &self.plan.steps[self.order[task].step];
        let failure = failure(step.urn.clone(), verb, step.site.clone(), error);
        self.run.calls.events.tell(failure.event());
        self.tally.failures.push(failure);
        self.skip_after(task);
        if !self.run.options.continue_on_error {
            self.stopping = true;
        }
    }

    fn skip_after(&mut self, task: NodeIndex) {
        let failed = self.order[task].step;
        let cause = self.plan.steps[failed].urn.label();
        self.turns.finished(task);
        for dropped in self.queue.drop_after(&self.order, task) {
            self.turns.finished(dropped);
            let position = self.order[dropped].step;
            let step = &self.plan.steps[position];
            if position != failed && step.op != Op::Same && self.tally.not_started.insert(step.urn.clone()) {
                let because = format!("it waits for {cause}");
                self.run.calls.events.tell(What::StepSkipped { urn: step.urn.clone(), because });
            }
        }
    }

    /// The chain of calls that decided how long the wave took.
    pub(super) fn chain(&mut self) {
        let times = std::mem::take(&mut self.tally.times);
        let mut last = times.iter().max_by_key(|(_, (_, end))| *end).map(|(task, _)| *task);
        let mut chain = Vec::new();
        while let Some(task) = last {
            let (begin, end) = times[&task];
            chain.push((self.plan.steps[self.order[task].step].urn.clone(), end - begin));
            let before = self.order.neighbors_directed(task, Direction::Incoming);
            last = before.filter(|task| times.contains_key(task)).max_by_key(|task| times[task].1);
        }
        chain.reverse();
        self.tally.critical_path.extend(chain);
    }
}
