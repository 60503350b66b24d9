//! The executor: carries a plan out, with every call's intent durable before the call.
//!
//! One loop owns all of a run's state. It starts ready tasks in the order of their weight, gathers records while a commit is in flight, and
//! starts a call only when the commit with its intent has returned. Calls run beside the loop and touch nothing of its.

mod connect;
mod limits;
mod outcome;
mod queue;
mod task;
mod turns;
mod verb;

pub(crate) use connect::Connections;
pub(crate) use outcome::{Finish, Tally};
pub(crate) use verb::Calls;

use crate::{ApplyOptions, What, plan::schedule::{Order, Part, order}};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use petgraph::graph::NodeIndex;
use queue::Queue;
use std::{collections::BTreeMap, sync::Arc};
use task::Begun;
use terrane_core::{Facts, Graph, Plan, Record, State, Urn, state::RunStart};
use terrane_state::Journal;
use turns::Turns;
use verb::Ended;

/// What a run works with.
pub(crate) struct Run<'a> {
    pub journal: &'a Arc<dyn Journal>,
    pub calls: Arc<Calls>,
    pub options: &'a ApplyOptions,
    pub start: RunStart,
    /// The most destructive step that was approved for each resource.
    pub approved: &'a BTreeMap<Urn, u8>,
}

/// Carries out one plan. State and facts are left as the run leaves them.
pub(crate) async fn execute(run: &Run<'_>, plan: &Plan, graph: &Graph, state: &mut State, facts: &mut Facts, tally: &mut Tally) {
    let mut execution = Execution::new(run, plan, graph, state, facts, tally);
    execution.run().await;
}

type Commit<'a> = BoxFuture<'a, Result<(), terrane_state::Error>>;

struct Execution<'a> {
    run: &'a Run<'a>,
    plan: &'a Plan,
    graph: &'a Graph,
    state: &'a mut State,
    facts: &'a mut Facts,
    tally: &'a mut Tally,
    order: Order,
    queue: Queue,
    turns: Turns<'a>,
    /// Records that wait for the next commit.
    batch: Vec<Record>,
    /// Calls whose intents are in the batch.
    begun: Vec<Begun>,
    running: FuturesUnordered<BoxFuture<'static, Ended>>,
    /// Steps that turned out to need no second half.
    spared: std::collections::HashSet<usize>,
    /// Set when nothing new may start.
    stopping: bool,
}

impl<'a> Execution<'a> {
    fn new(run: &'a Run<'a>, plan: &'a Plan, graph: &'a Graph, state: &'a mut State, facts: &'a mut Facts, tally: &'a mut Tally) -> Self {
        let order = order(&plan.steps, state);
        let queue = Queue::new(&order, |task| usual_ms(plan, state, task));
        let turns = Turns::new(plan, graph, &order);
        let (batch, begun, running) = (Vec::new(), Vec::new(), FuturesUnordered::new());
        let spared = std::collections::HashSet::new();
        Self { run, plan, graph, state, facts, tally, order, queue, turns, batch, begun, running, spared, stopping: false }
    }

    async fn run(&mut self) {
        let interrupt = self.run.options.interrupt.clone();
        let mut level = 0;
        let mut commit: Option<(Commit<'a>, Vec<Begun>)> = None;
        loop {
            self.start_ready();
            if commit.is_none() && !self.batch.is_empty() {
                let records = std::mem::take(&mut self.batch);
                commit = Some((self.run.journal.commit(records).boxed(), std::mem::take(&mut self.begun)));
            }
            let gates = self.turns.open_gates(self.facts, &self.run.calls);
            if self.running.is_empty() && commit.is_none() && !gates && !self.unblock() {
                break;
            }
            let next = next_of(&mut self.running, &mut commit, &mut self.turns, &interrupt, level).await;
            match next {
                Next::Ended(ended) => self.end(*ended),
                Next::Committed(Ok(())) => {
                    let begun = commit.take().map(|(_, begun)| begun).unwrap_or_default();
                    for begun in begun {
                        self.launch(begun);
                    }
                }
                Next::Committed(Err(error)) => {
                    // Without a journal nothing more may start; what runs is finished, and its end is recorded if the journal comes back.
                    commit = None;
                    self.tally.journal_failed(error);
                    self.stopping = true;
                }
                Next::Gate(rollout, verdict) => self.gate(rollout, verdict),
                Next::Interrupted => {
                    level = interrupt.level();
                    self.stopping = true;
                    self.tally.interrupted = true;
                    if level > 1 {
                        break;
                    }
                    self.run.calls.events.tell(What::Draining { running: self.running.len() });
                }
            }
        }
        self.chain();
        self.tally.not_started.extend(self.queue.left().map(|task| self.plan.steps[self.order[task].step].urn.clone()));
    }

    /// Whether a turn was given to a member that the others wait for although it isn't its turn.
    fn unblock(&mut self) -> bool {
        !self.stopping && self.turns.overrule(&mut self.queue)
    }

    fn start_ready(&mut self) {
        while !self.stopping && self.running.len() + self.begun.len() < self.run.options.parallel {
            let (turns, limits, plan, order) = (&self.turns, &self.run.calls.limits, self.plan, &self.order);
            let may = |task| turns.admits(task) && limits.admits(provider_of(plan, order, task));
            let Some(task) = self.queue.pop(may) else { return };
            self.begin(task);
        }
    }

    /// Puts a record into the next commit and lets state follow.
    fn record(&mut self, record: Record) {
        if !self.tally.begun {
            self.tally.begun = true;
            let start = Record::RunStart(self.run.start.clone());
            self.apply(start);
        }
        self.apply(record);
    }

    fn apply(&mut self, record: Record) {
        match self.state.apply(&record) {
            Ok(()) => self.batch.push(record),
            Err(error) => {
                self.tally.journal_failed(error.into());
                self.stopping = true;
            }
        }
    }

    /// Ends a task and makes those ready that waited for it.
    fn complete(&mut self, task: NodeIndex) {
        self.turns.finished(task);
        self.queue.complete(&self.order, task);
    }

    fn gate(&mut self, rollout: usize, verdict: Result<Option<usize>, terrane_core::Error>) {
        match verdict {
            Ok(preferred) => self.turns.give(rollout, preferred, &mut self.queue),
            Err(error) => {
                let name = self.graph.rollouts[rollout].name().to_owned();
                self.tally.gate_failed(&name, &error, &self.run.calls.events);
                self.turns.close(rollout);
                if !self.run.options.continue_on_error {
                    self.stopping = true;
                }
            }
        }
    }
}

/// The name of a task's provider.
fn provider_of<'a>(plan: &'a Plan, order: &Order, task: NodeIndex) -> &'a str {
    plan.steps[order[task].step].urn.kind().split(':').next().unwrap_or_default()
}

/// How long a task will take, judging by earlier runs.
fn usual_ms(plan: &Plan, state: &State, task: crate::plan::schedule::Task) -> u64 {
    let step = &plan.steps[task.step];
    match verb_of(step, task.part) {
        Some(verb) => state.took_ms.get(&format!("{verb} {}", step.urn.kind())).copied().unwrap_or(UNKNOWN_MS),
        None => 0,
    }
}

/// What a step of an unknown kind is taken to last.
const UNKNOWN_MS: u64 = 1000;

/// The verb of a half of a step; none where nothing is called.
pub(crate) fn verb_of(step: &terrane_core::plan::Step, part: Part) -> Option<&'static str> {
    use terrane_core::plan::Op;
    match (step.op, part) {
        (Op::Create | Op::Replace { .. }, Part::Make) => Some("create"),
        (Op::Import, Part::Make) => Some("import"),
        (Op::Update, Part::Make) => Some("update"),
        (Op::Delete | Op::Replace { .. }, Part::Remove) => Some("delete"),
        _ => None,
    }
}

enum Next {
    Ended(Box<Ended>),
    Committed(Result<(), terrane_state::Error>),
    Gate(usize, Result<Option<usize>, terrane_core::Error>),
    Interrupted,
}

async fn next_of(
    running: &mut FuturesUnordered<BoxFuture<'static, Ended>>,
    commit: &mut Option<(Commit<'_>, Vec<Begun>)>,
    turns: &mut Turns<'_>,
    interrupt: &crate::Interrupt,
    level: u8,
) -> Next {
    let committed = async {
        match commit {
            Some((commit, _)) => commit.await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        result = committed => Next::Committed(result),
        Some(ended) = running.next() => Next::Ended(Box::new(ended)),
        (rollout, verdict) = turns.next_verdict() => Next::Gate(rollout, verdict),
        () = interrupt.above(level) => Next::Interrupted,
    }
}

