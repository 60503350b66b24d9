//! The executor: carries a plan out, with every call's intent durable before the call.
//!
//! One loop owns all of a run's state. It starts ready tasks in the order of their weight, gathers records while a commit is in flight, and
//! starts a call only when the commit with its intent has returned. Calls run beside the loop and touch nothing of its.

mod approved;
mod connect;
mod gather;
mod limits;
mod outcome;
mod queue;
mod staged;
mod task;
mod turns;
mod verb;

pub(crate) use approved::{Approved, refusal};
pub(crate) use connect::Connections;
pub(crate) use outcome::{Finish, Tally};
pub(crate) use verb::{Calls, VISIBLE_WITHIN, pause, progress};

use crate::{
    ApplyOptions, What,
    plan::schedule::{Order, Part, order},
};
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use gather::Gather;
use petgraph::graph::NodeIndex;
use queue::{Lane, Queue};
use staged::Staged;
use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};
use task::Begun;
use terrane_core::{
    Facts, Graph, Plan, Record, State, Urn,
    failpoint::{Point, reach},
    plan::{Op, Step},
    planted::{Bug, planted},
    state::{Cut, Failed, RunStart},
};
use terrane_state::Journal;
use turns::Turns;
use verb::Came;

/// What a run works with.
pub(crate) struct Run<'a> {
    pub journal: &'a Arc<dyn Journal>,
    pub calls: Arc<Calls>,
    pub options: &'a ApplyOptions,
    pub start: RunStart,
    pub approved: &'a Approved,
}

/// Carries out one plan. State and facts are left as the run leaves them.
pub(crate) async fn execute(
    run: &Run<'_>,
    plan: &Plan,
    graph: &Graph,
    state: &mut State,
    facts: &mut Facts,
    tally: &mut Tally,
) {
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
    /// How long they wait for others.
    gather: Gather,
    /// Calls whose intents are in the batch.
    begun: Vec<Begun>,
    /// Calls whose intents are in the commit that is in flight.
    committing: Vec<Begun>,
    /// Calls whose intents are durable.
    staged: Staged,
    running: FuturesUnordered<BoxFuture<'static, Came>>,
    /// Steps that turned out to need no second half.
    spared: HashSet<usize>,
    /// Resources whose object has been replaced in this run.
    replaced: HashSet<Urn>,
    /// Resources whose object has been deleted in this run.
    deleted: HashSet<Urn>,
    /// Resources that objects use which a coming wave may still change: what they used is deleted in that wave.
    in_use: BTreeSet<Urn>,
    /// Set when nothing new may start.
    stopping: bool,
}

impl<'a> Execution<'a> {
    fn new(
        run: &'a Run<'a>,
        plan: &'a Plan,
        graph: &'a Graph,
        state: &'a mut State,
        facts: &'a mut Facts,
        tally: &'a mut Tally,
    ) -> Self {
        let order = order(&plan.steps, state);
        let turns = Turns::new(plan, graph, &order);
        let lane =
            |node| turns.place_of(node).map_or_else(|| Lane::Provider(provider_of(plan, &order, node)), Lane::Turn);
        let queue = Queue::new(&order, |task| usual_ms(plan, state, task), lane);
        let in_use = crate::plan::in_use(plan, state);
        Self {
            run,
            plan,
            graph,
            state,
            facts,
            tally,
            order,
            queue,
            turns,
            batch: Vec::new(),
            gather: Gather::new(run.calls.world.clone()),
            begun: Vec::new(),
            committing: Vec::new(),
            staged: Staged::default(),
            running: FuturesUnordered::new(),
            spared: HashSet::new(),
            replaced: HashSet::new(),
            deleted: HashSet::new(),
            in_use,
            stopping: false,
        }
    }

    async fn run(&mut self) {
        let interrupt = self.run.options.interrupt.clone();
        let mut level = 0;
        let mut commit: Option<Commit<'a>> = None;
        loop {
            self.start_ready();
            if commit.is_none() && !self.batch.is_empty() && !self.gather.is_waiting() && !self.is_over() {
                let records = self.gathered();
                self.committing = std::mem::take(&mut self.begun);
                if planted(Bug::CallBeforeIntentIsDurable) && self.run.journal.permit().is_ok() {
                    std::mem::take(&mut self.committing).into_iter().for_each(|begun| self.launch(begun));
                }
                self.gather.writes();
                commit = Some(write(self.run.journal, records).boxed());
            }
            let standstill = self.running.is_empty() && commit.is_none();
            let gates = !self.stopping && self.turns.open_gates(self.facts, &self.queue, &self.run.calls, standstill);
            if standstill && !gates {
                self.tally.last = std::mem::take(&mut self.batch);
                break;
            }
            match next_of(&mut self.running, &mut commit, &mut self.turns, &mut self.gather, &interrupt, level).await {
                Next::Came(came) => {
                    self.came(*came);
                    // What comes at the same time goes into the same commit.
                    while let Some(Some(came)) = self.running.next().now_or_never() {
                        self.came(came);
                    }
                }
                Next::Gate(rollout, verdict) => self.gate(rollout, verdict),
                Next::Gathered => {}
                Next::Committed(result) => {
                    commit = None;
                    self.gather.wrote();
                    self.committed(result);
                }
                Next::Interrupted => {
                    level = interrupt.level();
                    self.interrupted();
                    if level > 1 {
                        break;
                    }
                }
            }
        }
        self.chain();
        let left = self.queue.left().map(|task| &self.plan.steps[self.order[task].step]);
        self.tally.not_started.extend(left.filter(|step| step.op != Op::Same).map(|step| step.urn.clone()));
    }

    fn came(&mut self, came: Came) {
        match came {
            Came::Ended(ended) => self.end(ended),
            Came::Listed(begun, listed) => self.listed(begun, listed),
        }
    }

    /// The calls whose intents are durable now may start.
    fn committed(&mut self, result: Result<(), terrane_state::Error>) {
        let begun = std::mem::take(&mut self.committing);
        match result {
            Ok(()) => begun.into_iter().for_each(|begun| self.staged.put(self.queue.weight(begun.task), begun)),
            Err(error) => {
                // Without a journal nothing more may start; what runs is finished, and its end is recorded if the journal comes back.
                self.tally.journal_failed(error);
                self.stopping = true;
            }
        }
    }

    fn interrupted(&mut self) {
        self.stopping = true;
        self.tally.interrupted = true;
        self.run.calls.events.tell(What::Draining { running: self.running.len() });
    }

    /// Starts what may start, and begins what may come next.
    fn start_ready(&mut self) {
        if self.stopping {
            return self.leave_staged();
        }
        let parallel = self.run.options.parallel.max(1);
        while self.running.len() < parallel {
            let admits = |task| admits(self.run, self.plan, &self.order, task);
            let Some(begun) = self.staged.take(admits) else { break };
            self.launch(begun);
        }
        while !self.stopping && self.under_way() < 2 * parallel {
            let admits = |task| self.turns.admits(task) && admits(self.run, self.plan, &self.order, task);
            let Some(task) = self.queue.pop(admits) else { return };
            self.begin(task);
        }
    }

    /// The calls that run, and those that are about to.
    fn under_way(&self) -> usize {
        self.running.len() + self.begun.len() + self.committing.len() + self.staged.len()
    }

    /// Whether nothing is left to do but to write the last records, which the end of the run does.
    fn is_over(&self) -> bool {
        !self.stopping && self.under_way() == 0 && self.turns.at_rest() && self.queue.left().next().is_none()
    }

    /// Takes back what was about to start.
    fn leave_staged(&mut self) {
        for begun in self.staged.take_all() {
            let (op, at_ms) = (begun.intent.op, self.run.calls.world.now_ms());
            let message = "the run stopped before it started".to_owned();
            self.record(Record::Failed(Failed { op, cut: Cut::NotApplied, message, at_ms }));
            self.tally.not_started.insert(begun.intent.urn);
        }
    }

    /// The records of the next commit.
    fn gathered(&mut self) -> Vec<Record> {
        let is_late = |record: &Record| planted(Bug::DependentBeforeDoneIsDurable) && matches!(record, Record::Done(_));
        if self.batch.iter().all(is_late) {
            return std::mem::take(&mut self.batch);
        }
        self.batch.extract_if(.., |record| !is_late(record)).collect()
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
            Ok(preferred) => self.turns.give(rollout, preferred),
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

/// One write of the journal.
async fn write(journal: &Arc<dyn Journal>, records: Vec<Record>) -> Result<(), terrane_state::Error> {
    let intends = records.iter().any(|record| matches!(record, Record::Intent(_)));
    let ends = records.iter().any(|record| matches!(record, Record::Done(_)));
    let pass = |intent, done| {
        intends.then(|| reach(intent));
        ends.then(|| reach(done));
    };
    pass(Point::BeforeIntentCommit, Point::BeforeDoneCommit);
    journal.commit(records).await?;
    pass(Point::AfterIntentCommit, Point::AfterDoneCommit);
    Ok(())
}

/// Whether the provider of a task takes another call.
fn admits(run: &Run<'_>, plan: &Plan, order: &Order, task: NodeIndex) -> bool {
    run.calls.limits.admits(provider_of(plan, order, task))
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
pub(crate) fn verb_of(step: &Step, part: Part) -> Option<&'static str> {
    match (step.op, part) {
        (Op::Create | Op::Replace { .. }, Part::Make) => Some("create"),
        (Op::Import, Part::Make) => Some("import"),
        (Op::Update, Part::Make) => Some("update"),
        (Op::Delete | Op::Replace { .. }, Part::Remove) => Some("delete"),
        _ => None,
    }
}

enum Next {
    Came(Box<Came>),
    Gathered,
    Committed(Result<(), terrane_state::Error>),
    Gate(usize, Result<Option<usize>, terrane_core::Error>),
    Interrupted,
}

async fn next_of(
    running: &mut FuturesUnordered<BoxFuture<'static, Came>>,
    commit: &mut Option<Commit<'_>>,
    turns: &mut Turns<'_>,
    gather: &mut Gather,
    interrupt: &crate::Interrupt,
    level: u8,
) -> Next {
    let committed = async {
        match commit {
            Some(commit) => commit.await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        result = committed => Next::Committed(result),
        Some(came) = running.next() => Next::Came(Box::new(came)),
        () = gather.waited() => Next::Gathered,
        (rollout, verdict) = turns.next_verdict() => Next::Gate(rollout, verdict),
        () = interrupt.above(level) => Next::Interrupted,
    }
}
