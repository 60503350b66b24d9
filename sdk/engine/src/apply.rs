//! One run over all of its waves: carries a plan out, then plans and carries out what had to wait for values.

use crate::{
    ApplyOptions, Ending, Error, Events, PlanOptions, Planned, Refresh, Report, Session, Unseen, What, evaluate,
    execute::{self, Approved, Calls, Connections, Finish, Run, Tally},
    plan::Outcome,
    write::commit,
};
use std::{collections::BTreeSet, sync::Arc};
use terrane_core::{
    Facts, Graph, Plan, Properties, Record, State, Urn,
    plan::{Op, Purpose, Why},
    planted::{Bug, planted},
    state::RunEnd,
};
use terrane_state::{Error as StateError, Journal};

/// One run.
pub(crate) struct Applying<'a> {
    session: &'a Session,
    command: &'a str,
    journal: &'a Arc<dyn Journal>,
    options: &'a ApplyOptions,
    events: &'a Events,
    began_ms: u64,
    tally: Tally,
    approved: Approved,
    /// Whether it stops before a wave that nobody has seen.
    unseen: bool,
}

/// The next part of a run.
struct Wave {
    plan: Plan,
    graph: Graph,
    facts: Facts,
}

impl<'a> Applying<'a> {
    pub(crate) fn new(
        session: &'a Session,
        command: &'a str,
        journal: &'a Arc<dyn Journal>,
        options: &'a ApplyOptions,
        events: &'a Events,
    ) -> Self {
        let (began_ms, tally, approved) = (session.world.clock_ms(), Tally::default(), Approved::default());
        Self { session, command, journal, options, events, began_ms, tally, approved, unseen: false }
    }

    pub(crate) async fn run(mut self, planned: Planned, state: &mut State) -> Result<Report, Error> {
        let Planned { plan, graph, mut facts, observed, options, .. } = planned;
        // What a person asked for is asked for once, and what was looked at is looked at once.
        let options = PlanOptions { refresh: Refresh::Never, replace: Vec::new(), ..options };
        self.events.tell(started(self.command, &plan));
        self.approved.show(&plan);
        self.observe(observed, state).await?;
        self.execute(&plan, &graph, state, &mut facts).await;
        let mut wave = Wave { plan, graph, facts };
        while self.tally.finish() == Finish::Well && !wave.plan.waiting.is_empty() && wave.plan.purpose == Purpose::Up {
            if let Err(error) = self.commit_last().await {
                self.tally.journal_failed(error);
                break;
            }
            let mut next = self.next_wave(&options, state).await?;
            let came = self.tell_expanded(&wave.plan, &next);
            if !came || !self.may_go_on(&next.plan) {
                break;
            }
            self.approved.add(&next.plan);
            self.execute(&next.plan, &next.graph, state, &mut next.facts).await;
            wave = next;
        }
        self.finish(wave, state).await
    }

    /// State follows what was seen while planning.
    async fn observe(&mut self, observed: Vec<Record>, state: &mut State) -> Result<(), Error> {
        if observed.is_empty() {
            return Ok(());
        }
        let start = Record::RunStart(self.session.start(self.command, &self.options.message));
        let all: Vec<Record> = [start].into_iter().chain(observed).collect();
        self.tally.begun = true;
        commit(self.journal, state, all).await.map_err(unwritten)
    }

    /// Writes what the wave has left to be written.
    async fn commit_last(&mut self) -> Result<(), StateError> {
        if self.tally.last.is_empty() {
            return Ok(());
        }
        self.tally.writes();
        let result = self.journal.commit(std::mem::take(&mut self.tally.last)).await;
        self.tally.wrote(&result);
        result
    }

    async fn execute(&mut self, plan: &Plan, graph: &Graph, state: &mut State, facts: &mut Facts) {
        let calls = Calls {
            world: self.session.world.clone(),
            journal: self.journal.clone(),
            events: self.events.clone(),
            connections: Connections::new(self.session.project.specs(graph)),
            limits: Default::default(),
        };
        let start = self.session.start(self.command, &self.options.message);
        let run = Run {
            journal: self.journal,
            calls: Arc::new(calls),
            options: self.options,
            start,
            approved: &self.approved,
        };
        execute::execute(&run, plan, graph, state, facts, &mut self.tally).await;
    }

    /// The whole program again, with the values that have come.
    async fn next_wave(&mut self, options: &PlanOptions, state: &State) -> Result<Wave, Error> {
        let stack = self.session.evaluate().await?;
        let (Outcome { plan, facts }, graph) =
            evaluate::plan(&self.session.project, &stack, state, &BTreeSet::new(), options)?;
        Ok(Wave { plan, graph, facts })
    }

    /// Tells which parts of the program have their values now; whether there is any, or anything else to do.
    fn tell_expanded(&self, last: &Plan, next: &Wave) -> bool {
        let still: BTreeSet<&str> = next.plan.waiting.iter().map(|waiting| waiting.scope.as_str()).collect();
        let mut came = false;
        for waited in last.waiting.iter().filter(|waited| !still.contains(waited.scope.as_str())) {
            let resources = next.graph.nodes.iter().filter(|node| node.urn.is_within(&waited.scope)).count();
            self.events.tell(What::Expanded { scope: waited.scope.clone(), resources });
            came = true;
        }
        came
    }

    /// Whether the next wave may be carried out without asking again.
    fn may_go_on(&mut self, plan: &Plan) -> bool {
        if !plan.faults.is_empty() {
            self.tally.refused(&plan.faults, self.events);
            return false;
        }
        let works = plan.steps.iter().any(|step| step.op != Op::Same);
        if works && self.options.unseen == Unseen::Stop {
            self.unseen = true;
            return false;
        }
        // A step that may turn out to be less is decided when its values are known; that a replaced object goes was agreed to before.
        let open = plan.steps.iter().filter(|step| !step.uncertain && !step.why.contains(&Why::Condemned));
        let worse = open.filter(|step| !self.approved.covers(&step.urn, step.op));
        let unapproved: Vec<(Urn, String)> =
            worse.map(|step| (step.urn.clone(), execute::refusal(step.op, &step.why))).collect();
        let approved = unapproved.is_empty();
        self.tally.unapproved.extend(unapproved);
        approved
    }

    fn ending(&self) -> Ending {
        match self.tally.finish() {
            Finish::Well if self.unseen => Ending::Unseen,
            Finish::Well => Ending::Done,
            Finish::Unapproved => Ending::NeedsApproval,
            Finish::Interrupted => Ending::Interrupted,
            Finish::Failed => Ending::Failed,
        }
    }

    async fn finish(mut self, wave: Wave, state: &mut State) -> Result<Report, Error> {
        if self.tally.journal.is_none()
            && let Err(error) = self.conclude(&wave, state).await
        {
            self.tally.journal_failed(error);
        }
        let (ending, cut) = (self.ending(), self.tally.journal.take());
        if let Some(error @ StateError::Locked { .. }) = cut {
            return Err(unwritten(error));
        }
        let report = self.report(ending, state);
        match cut {
            None => Ok(report),
            Some(error) => Err(Error::Cut { error, report: Box::new(report) }),
        }
    }

    /// The last records.
    async fn conclude(&mut self, wave: &Wave, state: &mut State) -> Result<(), StateError> {
        let mut records = Vec::new();
        if let Some(exports) = exports(&wave.graph, &wave.facts, state, wave.plan.purpose) {
            records.push(Record::Outputs { exports });
        }
        if self.options.interrupt.level() > 1 {
            self.commit_last().await
        } else if self.tally.begun || !records.is_empty() {
            self.seal(records, state).await
        } else {
            Ok(())
        }
    }

    fn report(mut self, ending: Ending, state: &State) -> Report {
        let (open, took_ms) = (self.tally.open(), self.session.world.clock_ms() - self.began_ms);
        self.events.tell(What::RunEnded { result: ending.word().to_owned(), counts: self.tally.counts, took_ms });
        Report {
            ending,
            counts: self.tally.counts,
            failures: self.tally.failures,
            not_started: self.tally.not_started.into_iter().collect(),
            open,
            unapproved: self.tally.unapproved,
            recovered: Vec::new(),
            exports: state.exports.clone(),
            took_ms,
            critical_path: self.tally.critical_path,
        }
    }

    async fn seal(&mut self, mut records: Vec<Record>, state: &mut State) -> Result<(), StateError> {
        if !self.tally.begun {
            records.insert(0, Record::RunStart(self.session.start(self.command, &self.options.message)));
        }
        let counts = self.tally.counts;
        let changes = [counts.create + counts.import, counts.update + counts.replace, counts.delete].map(|n| n as u64);
        let took_ms = self.tally.took.iter().map(|(key, (sum, times))| (key.clone(), sum / times.max(&1))).collect();
        let (result, at_ms) = (self.ending().word().to_owned(), self.session.world.now_ms());
        records.push(Record::RunEnd(RunEnd { result, at_ms, changes, took_ms }));
        state.apply_all(&records)?;
        let mut last = std::mem::take(&mut self.tally.last);
        last.extend(records);
        self.tally.writes();
        let result = self.journal.finish(last, state).await;
        match &result {
            // The records may be durable although what comes after them has failed.
            Err(_) if self.has_ended(state).await => self.tally.wrote(&Ok(())),
            result => self.tally.wrote(result),
        }
        result
    }

    /// Whether the store has the end of this run.
    async fn has_ended(&self, state: &State) -> bool {
        let is_there = |there: State| there.runs.iter().rev().any(|run| Some(run) == state.runs.last());
        self.session.state().await.is_ok_and(|there| there.is_some_and(is_there))
    }
}

/// Why a record was not written. A stack is taken with the first record: who finds it taken then has changed nothing, and may plan again.
fn unwritten(error: StateError) -> Error {
    match error {
        StateError::Locked { .. } => Error::Changed { why: "somebody else was quicker".to_owned() },
        error => error.into(),
    }
}

fn started(command: &str, plan: &Plan) -> What {
    What::RunStarted {
        command: command.to_owned(),
        project: plan.project.clone(),
        stack: plan.stack.clone(),
        resources: plan.steps.len(),
        steps: plan.steps.iter().filter(|step| step.op != Op::Same).count(),
    }
}

/// The run of a plan that has nothing to do: no lock, no write.
pub(crate) fn idle(command: &str, planned: &Planned, events: &Events) -> Report {
    events.tell(started(command, &planned.plan));
    let counts = planned.plan.counts();
    events.tell(What::RunEnded { result: Ending::Done.word().to_owned(), counts, took_ms: 0 });
    Report {
        ending: Ending::Done,
        counts,
        failures: Vec::new(),
        not_started: Vec::new(),
        open: Vec::new(),
        unapproved: Vec::new(),
        recovered: Vec::new(),
        exports: planned.state.exports.clone(),
        took_ms: 0,
        critical_path: Vec::new(),
    }
}

/// The stack's exports as they are to be, when they are others than in state.
pub(crate) fn exports(graph: &Graph, facts: &Facts, state: &State, purpose: Purpose) -> Option<Properties> {
    let mut values = serde_json::Map::new();
    let mut secret = BTreeSet::new();
    if purpose == Purpose::Up {
        for (name, export) in &graph.exports {
            // An export whose value did not come keeps the one it had.
            match export.value.resolve(facts).ok().or_else(|| state.exports.get(name).cloned()) {
                Some(value) => drop(values.insert(name.clone(), value)),
                None => continue,
            }
            if export.value.is_secret() {
                secret.insert(name.clone());
            }
        }
    } else if !state.live.is_empty() {
        return None;
    }
    let exports = Properties::new(values, secret);
    (exports != state.exports || planted(Bug::IdleRunWrites)).then_some(exports)
}
