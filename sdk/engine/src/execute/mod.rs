//! The executor: carries a plan out, with every call's intent durable before the call.
//!
//! One loop owns all of a run's state. It starts ready tasks in the order of their weight, gathers records while a commit is in flight, and
//! starts a call only when the commit with its intent has returned. Calls run beside the loop and touch nothing of its.

mod approved;
mod ask;
mod commit;
mod connect;
mod gather;
mod limits;
mod outcome;
mod permit;
mod queue;
mod staged;
mod task;
mod turns;
mod verb;

pub(crate) use approved::{Approved, refusal};
pub(crate) use ask::{asking, may_pass, pause};
pub(crate) use connect::Connections;
pub(crate) use outcome::{Finish, Tally};
pub(crate) use permit::{permitted, progress};
pub(crate) use verb::{Calls, VISIBLE_WITHIN, survive, within};

use crate::{
    ApplyOptions, What,
    plan::schedule::{Order, Part, order},
};
use commit::{Carried, Commit, write};
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
    plan::{Op, Step},
    planted::{Bug, planted},
    state::{Action, Cut, Failed, RunStart},
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
    /// The commit that is in flight.
    committing: Carried,
    /// How many records of a commit that failed wait for others to be tried again with.
    held_back: Option<usize>,
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
            committing: Carried::default(),
            held_back: None,
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
            if commit.is_none() && self.has_to_write() {
                let records = self.gathered();
                if planted(Bug::CallBeforeIntentIsDurable) && self.run.journal.permit().is_ok() {
                    self.committing.take_begun().into_iter().for_each(|begun| self.launch(begun));
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
        while !self.stopping && self.running.len() < parallel {
            let admits = |task| admits(self.run, self.plan, &self.order, task);
            let Some(begun) = self.staged.take(admits) else { break };
            match self.is_stale(&begun) {
                true => self.draw_again(&begun),
                false => self.launch(begun),
            }
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

    /// Whether the records of the batch are to be written now.
    fn has_to_write(&self) -> bool {
        self.batch.len() > self.held_back.unwrap_or(0) && !self.gather.is_waiting() && !self.is_over()
    }

    /// Takes back what was about to start.
    fn leave_staged(&mut self) {
        for begun in self.staged.take_all() {
            self.take_back(&begun, "the run stopped before it started");
            self.tally.not_started.insert(begun.intent.urn);
        }
    }

    /// Whether a call has waited for so long that, should this process end in it, it would be taken to have ended long before. By either
    /// clock: one stands still while the machine sleeps, the other may be set.
    fn is_stale(&self, begun: &Begun) -> bool {
        let world = &self.run.calls.world;
        let by_date = world.now_ms().saturating_sub(begun.intent.at_ms);
        let waited = i64::try_from(world.clock_ms() - begun.drawn_ms).unwrap_or(i64::MAX);
        by_date.max(waited) > STAGED_MAX_MS
    }

    /// Begins a call that has waited for too long anew.
    fn draw_again(&mut self, begun: &Begun) {
        self.take_back(begun, "it waited for so long that it begins anew");
        self.begin(begun.task);
    }

    fn take_back(&mut self, begun: &Begun, because: &str) {
        let (op, message, at_ms) = (begun.intent.op.clone(), because.to_owned(), self.run.calls.world.now_ms());
        self.record(Record::Failed(Failed { op, cut: Cut::NotApplied, message, at_ms }));
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

/// How long a call may wait after its intent was written.
pub(crate) const STAGED_MAX_MS: i64 = 60_000;

/// Whether the provider of a task takes another call.
fn admits(run: &Run<'_>, plan: &Plan, order: &Order, task: NodeIndex) -> bool {
    run.calls.limits.admits(provider_of(plan, order, task))
}

/// The name of a task's provider.
fn provider_of<'a>(plan: &'a Plan, order: &Order, task: NodeIndex) -> &'a str {
    plan.steps[order[task].step].urn.provider()
}

/// How long a task will take, judging by earlier runs.
fn usual_ms(plan: &Plan, state: &State, task: crate::plan::schedule::Task) -> u64 {
    let step = &plan.steps[task.step];
    match action_of(step, task.part) {
        Some(action) => state.took_ms.get(&action.took_key(step.urn.kind())).copied().unwrap_or(UNKNOWN_MS),
        None => 0,
    }
}

/// What a step of an unknown kind is taken to last.
const UNKNOWN_MS: u64 = 1000;

/// What a half of a step is planned to call; none where nothing is called.
fn action_of(step: &Step, part: Part) -> Option<Action> {
    match (step.op, part) {
        (Op::Create | Op::Replace { .. }, Part::Make) => Some(Action::Create),
        (Op::Import, Part::Make) => Some(Action::Import),
        (Op::Update, Part::Make) => Some(Action::Update),
        (Op::Delete | Op::Replace { .. }, Part::Remove) => Some(Action::Delete),
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
