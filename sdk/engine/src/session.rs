//! A session: one stack of one project in one store. What the command line, tests and other tools call.

use crate::{
    ApplyOptions, Ending, Error, Events, PlanOptions, RealWorld, Refresh, Report, What, World,
    evaluate,
    execute::{self, Calls, Connections, Finish, Run, Tally},
    plan::Outcome,
    read::{self, Sight},
    recover,
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use terrane_core::{
    Config, Facts, Graph, Plan, Program, Properties, ProviderSpec, Record, Stack, State, Urn,
    plan::{Change, Op, Purpose},
    state::{Instance, Lineage, RunEnd, RunStart},
};
use terrane_state::{Holder, Journal, Store};

/// Makes the configuration for one evaluation of the program.
pub type ConfigSource = Arc<dyn Fn() -> terrane_core::Result<Config> + Send + Sync>;

/// A program with its name.
pub struct Project {
    /// The name under which its state is kept.
    pub name: String,
    /// The program.
    pub program: Arc<Program>,
    /// Providers that state may have resources of although the program doesn't name them.
    pub providers: Vec<&'static ProviderSpec>,
}

/// One stack of one project in one store.
pub struct Session {
    project: Arc<Project>,
    stack: String,
    store: Arc<dyn Store>,
    config: ConfigSource,
    world: Arc<dyn World>,
}

/// A plan and what is needed to carry it out.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The state that it was made from, with what looking at the real objects has shown.
    pub state: State,
    /// What looking has shown.
    pub drift: Vec<Drift>,
    graph: Graph,
    facts: Facts,
    observed: Vec<Record>,
}

/// How a real object differs from state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// The resource.
    pub urn: Urn,
    /// Whether the object is gone.
    pub gone: bool,
    /// What differs.
    pub changes: Vec<Change>,
}

/// What a refresh has shown.
#[derive(Debug, Clone, Serialize)]
pub struct RefreshReport {
    /// The objects that differ from state.
    pub drift: Vec<Drift>,
    /// How many objects were looked at.
    pub looked_at: usize,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl Session {
    /// A session in the real world.
    pub fn new(project: Arc<Project>, stack: &str, store: Arc<dyn Store>, config: ConfigSource) -> Self {
        Self::in_world(project, stack, store, config, Arc::new(RealWorld::default()))
    }

    /// A session in a world of the caller's.
    pub fn in_world(project: Arc<Project>, stack: &str, store: Arc<dyn Store>, config: ConfigSource, world: Arc<dyn World>) -> Self {
        Self { project, stack: stack.to_owned(), store, config, world }
    }

    /// The project.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The stack's name.
    pub fn stack(&self) -> &str {
        &self.stack
    }

    /// The place that keeps the state.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The state, read without a lock; `None` before the first run.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn state(&self) -> Result<Option<State>, Error> {
        Ok(self.store.read(&self.project.name, &self.stack).await?)
    }

    /// Runs the program and gives back what it declares without waiting for values.
    ///
    /// # Errors
    /// When the program fails.
    pub async fn evaluate(&self) -> Result<Stack, Error> {
        evaluate::evaluate(&self.project, &self.stack, &self.config, Box::new(self.references().await?))
    }

    /// The exports of every other stack in the store, read ahead because programs are not asynchronous.
    async fn references(&self) -> Result<impl Fn(&str, &str) -> terrane_core::Result<Properties> + Send + Sync + 'static, Error> {
        let (store, handle) = (self.store.clone(), tokio::runtime::Handle::try_current().ok());
        Ok(move |project: &str, stack: &str| {
            let missing = || terrane_core::Error::new(format!("there is no stack {project}/{stack} in {}", store.place())).code("T0109");
            let (store, project, stack) = (store.clone(), project.to_owned(), stack.to_owned());
            let handle = handle.clone().ok_or_else(missing)?;
            let read = std::thread::spawn(move || handle.block_on(async move { store.read(&project, &stack).await }));
            let state = read.join().map_err(|_| missing())??;
            state.map(|state| state.exports).ok_or_else(missing)
        })
    }

    /// Plans. Reads state and, as asked, real objects; writes nothing. What is wrong with the program or the plan is in `plan.faults`.
    ///
    /// # Errors
    /// When the program fails, the state or a provider can't be read, or a selection names nothing.
    pub async fn plan(&self, options: &PlanOptions, events: &Events) -> Result<Planned, Error> {
        let state = self.state().await?.unwrap_or_else(|| State::new(Lineage::default()));
        self.plan_from(state, options, events).await
    }

    async fn plan_from(&self, mut state: State, options: &PlanOptions, events: &Events) -> Result<Planned, Error> {
        let stack = self.evaluate().await?;
        let sight = self.look(&mut state, &stack, options, events).await?;
        let (Outcome { plan, facts }, graph) = evaluate::plan(&self.project, &stack, &state, &sight.drifted, options)?;
        Ok(Planned { plan, state, drift: sight.drift, graph, facts, observed: sight.records })
    }

    async fn look(&self, state: &mut State, stack: &Stack, options: &PlanOptions, events: &Events) -> Result<Sight, Error> {
        let connections = self.connections(stack);
        let seq = state.seq;
        let always = |instance: &Instance| connections.kind_spec(instance.urn.kind()).is_some_and(|spec| spec.always_read);
        let sight = match options.refresh {
            Refresh::Never => Sight::default(),
            Refresh::Cheap => read::look(state, &connections, always, events).await?,
            Refresh::All => read::look(state, &connections, |_| true, events).await?,
        };
        // What was seen is written when the plan is carried out; the plan is still one from the state in the store.
        state.seq = seq;
        Ok(sight)
    }

    fn connections(&self, stack: &Stack) -> Connections {
        let graph = stack.graph();
        let named = graph.handles.iter().map(|handle| handle.spec);
        Connections::new(named.chain(self.project.providers.iter().copied()))
    }

    /// Looks at every object and lets state follow what is seen.
    ///
    /// # Errors
    /// When the program fails, or the state or a provider can't be read.
    pub async fn refresh(&self, options: &PlanOptions, events: &Events) -> Result<RefreshReport, Error> {
        let began = self.world.clock_ms();
        let journal = self.open("refresh").await?;
        let stack = self.evaluate().await?;
        let mut state = journal.state();
        let connections = self.connections(&stack);
        let patterns = &options.targets;
        let chosen = |instance: &Instance| patterns.is_empty() || patterns.iter().any(|p| crate::plan::matches(p, &instance.urn));
        let sight = read::look(&mut state, &connections, chosen, events).await?;
        self.write(&journal, "refresh", sight.records).await?;
        let took_ms = self.world.clock_ms() - began;
        Ok(RefreshReport { drift: sight.drift, looked_at: sight.looked_at, took_ms })
    }

    /// Brings the operations that a crashed run left open to their end; says what was found. Nothing is locked or written when there are none.
    ///
    /// # Errors
    /// When an operation can't be decided without a person, or the state or a provider can't be read.
    pub async fn recover(&self, command: &str, events: &Events) -> Result<Vec<String>, Error> {
        if self.state().await?.is_none_or(|state| state.pending.is_empty()) {
            return Ok(Vec::new());
        }
        let journal = self.open(command).await?;
        let stack = self.evaluate().await?;
        let (records, texts) = recover::recover(&journal.state(), &self.connections(&stack), &self.world, events).await?;
        self.write(&journal, command, records).await?;
        Ok(texts)
    }

    /// Changes state by hand: `edit` is given the state and returns the records.
    ///
    /// # Errors
    /// What `edit` returns, or when the state can't be read, locked or written.
    pub async fn edit_state(
        &self,
        command: &str,
        edit: impl FnOnce(&State) -> Result<Vec<Record>, terrane_core::Error>,
    ) -> Result<State, Error> {
        let journal = self.open(command).await?;
        let records = edit(&journal.state()).map_err(Error::Program)?;
        self.write(&journal, command, records).await
    }

    async fn open(&self, command: &str) -> Result<Arc<dyn Journal>, Error> {
        let holder = Holder { command: command.to_owned(), ..Holder::current() };
        Ok(self.store.open(&self.project.name, &self.stack, &holder).await?)
    }

    fn start(&self, command: &str, message: &str) -> RunStart {
        let holder = Holder::current();
        let who = format!("{}@{}", holder.user, holder.host);
        RunStart { command: command.to_owned(), message: message.to_owned(), who, at_ms: self.world.now_ms() }
    }

    /// Writes records as a run of their own; nothing, when there are none.
    async fn write(&self, journal: &Arc<dyn Journal>, command: &str, records: Vec<Record>) -> Result<State, Error> {
        let mut state = journal.state();
        if records.is_empty() {
            return Ok(state);
        }
        let end = RunEnd { result: "done".to_owned(), at_ms: self.world.now_ms(), ..RunEnd::default() };
        let start = Record::RunStart(self.start(command, ""));
        let all: Vec<Record> = [start].into_iter().chain(records).chain([Record::RunEnd(end)]).collect();
        for record in &all {
            state.apply(record).map_err(terrane_state::Error::from)?;
        }
        journal.commit(all).await?;
        journal.seal(&state).await?;
        Ok(state)
    }

    /// Carries a plan out.
    ///
    /// # Errors
    /// When the plan is refused, the state has changed since it was made, or state can't be locked or written. Steps that fail are in the
    /// report.
    pub async fn apply(&self, planned: Planned, options: &ApplyOptions, events: &Events) -> Result<Report, Error> {
        if !planned.plan.faults.is_empty() {
            return Err(Error::Refused { faults: planned.plan.faults });
        }
        let command = match planned.plan.purpose {
            Purpose::Up => "up",
            Purpose::Destroy => "destroy",
        };
        let journal = self.open(command).await?;
        let mut state = journal.state();
        if state.seq != planned.plan.seq {
            let why = format!("{} records were written in between", state.seq.abs_diff(planned.plan.seq));
            return Err(Error::Changed { why });
        }
        Applying::new(self, command, &journal, options, events).run(planned, &mut state).await
    }
}

/// One run, over all of its waves.
struct Applying<'a> {
    session: &'a Session,
    command: &'a str,
    journal: &'a Arc<dyn Journal>,
    options: &'a ApplyOptions,
    events: &'a Events,
    began_ms: u64,
    tally: Tally,
}

impl<'a> Applying<'a> {
    fn new(
        session: &'a Session,
        command: &'a str,
        journal: &'a Arc<dyn Journal>,
        options: &'a ApplyOptions,
        events: &'a Events,
    ) -> Self {
        Self { session, command, journal, options, events, began_ms: session.world.clock_ms(), tally: Tally::default() }
    }

    async fn run(mut self, planned: Planned, state: &mut State) -> Result<Report, Error> {
        let Planned { mut plan, mut graph, mut facts, observed, .. } = planned;
        self.tell_start(&plan);
        let mut approved: BTreeMap<Urn, u8> = BTreeMap::new();
        approve(&mut approved, &plan, true);
        self.observe(observed, state).await?;
        loop {
            self.wave(&plan, &graph, state, &mut facts, &approved).await;
            if self.tally.finish() != Finish::Well || plan.waiting.is_empty() || plan.purpose == Purpose::Destroy {
                break;
            }
            let Some(next) = self.next_wave(&plan, state, &mut approved).await? else { break };
            (plan, graph, facts) = next;
        }
        self.finish(&graph, &facts, state, plan.purpose).await
    }

    fn tell_start(&self, plan: &Plan) {
        let changing = plan.steps.iter().filter(|step| step.op != Op::Same).count();
        self.events.tell(What::RunStarted {
            command: self.command.to_owned(),
            project: plan.project.clone(),
            stack: plan.stack.clone(),
            resources: plan.steps.len(),
            steps: changing,
        });
    }

    /// State follows what was seen while planning.
    async fn observe(&mut self, observed: Vec<Record>, state: &mut State) -> Result<(), Error> {
        if observed.is_empty() {
            return Ok(());
        }
        let start = Record::RunStart(self.session.start(self.command, &self.options.message));
        let all: Vec<Record> = [start].into_iter().chain(observed).collect();
        for record in &all {
            state.apply(record).map_err(terrane_state::Error::from)?;
        }
        self.tally.begun = true;
        Ok(self.journal.commit(all).await?)
    }

    async fn wave(&mut self, plan: &Plan, graph: &Graph, state: &mut State, facts: &mut Facts, approved: &BTreeMap<Urn, u8>) {
        let specs = graph.handles.iter().map(|handle| handle.spec).chain(self.session.project.providers.iter().copied());
        let calls = Calls {
            world: self.session.world.clone(),
            events: self.events.clone(),
            connections: Connections::new(specs),
            limits: Default::default(),
        };
        let start = self.session.start(self.command, &self.options.message);
        let run = Run { journal: self.journal, calls: Arc::new(calls), options: self.options, start, approved };
        execute::execute(&run, plan, graph, state, facts, &mut self.tally).await;
    }

    /// The parts of the program whose values have come, planned like everything else; `None` when nothing is left to do.
    async fn next_wave(
        &mut self,
        last: &Plan,
        state: &State,
        approved: &mut BTreeMap<Urn, u8>,
    ) -> Result<Option<(Plan, Graph, Facts)>, Error> {
        let stack = self.session.evaluate().await?;
        let options = PlanOptions { refresh: Refresh::Never, ..PlanOptions::new(Purpose::Up) };
        let (outcome, graph) = evaluate::plan(&self.session.project, &stack, state, &BTreeSet::new(), &options)?;
        let Outcome { plan, facts } = outcome;
        if !plan.faults.is_empty() {
            return Err(Error::Refused { faults: plan.faults });
        }
        for waited in &last.waiting {
            if !plan.waiting.iter().any(|waiting| waiting.scope == waited.scope) {
                let resources = graph.nodes.iter().filter(|node| node.urn.is_within(&waited.scope)).count();
                self.events.tell(What::Expanded { scope: waited.scope.clone(), resources });
            }
        }
        let worse = plan.steps.iter().filter(|step| step.op.severity() > approved.get(&step.urn).copied().unwrap_or(1));
        let unapproved: Vec<(Urn, String)> =
            worse.map(|step| (step.urn.clone(), format!("it would be {}d", step.op.word()))).collect();
        if !unapproved.is_empty() {
            self.tally.unapproved.extend(unapproved);
            return Ok(None);
        }
        approve(approved, &plan, false);
        let works = plan.steps.iter().any(|step| step.op != Op::Same);
        Ok(works.then_some((plan, graph, facts)))
    }

    async fn finish(mut self, graph: &Graph, facts: &Facts, state: &mut State, purpose: Purpose) -> Result<Report, Error> {
        let ending = match self.tally.finish() {
            Finish::Well => Ending::Done,
            Finish::Unapproved => Ending::NeedsApproval,
            Finish::Interrupted => Ending::Interrupted,
            Finish::Failed => Ending::Failed,
        };
        if let Some(error) = self.tally.journal.take() {
            return Err(error.into());
        }
        let killed = self.options.interrupt.level() > 1;
        let mut records = Vec::new();
        if let Some(exports) = exports(graph, facts, state, purpose, ending) {
            records.push(Record::Outputs { exports });
        }
        if !killed && (self.tally.begun || !records.is_empty()) {
            self.seal(records, state, ending).await?;
        }
        let took_ms = self.session.world.clock_ms() - self.began_ms;
        let result = format!("{ending:?}").to_lowercase();
        self.events.tell(What::RunEnded { result, counts: self.tally.counts, took_ms });
        Ok(Report {
            ending,
            counts: self.tally.counts,
            failures: self.tally.failures,
            not_started: self.tally.not_started,
            unapproved: self.tally.unapproved,
            recovered: Vec::new(),
            exports: state.exports.clone(),
            took_ms,
            critical_path: self.tally.critical_path,
        })
    }

    async fn seal(&mut self, mut records: Vec<Record>, state: &mut State, ending: Ending) -> Result<(), Error> {
        if !self.tally.begun {
            records.insert(0, Record::RunStart(self.session.start(self.command, &self.options.message)));
        }
        let counts = self.tally.counts;
        let changes = [counts.create + counts.import, counts.update + counts.replace, counts.delete].map(|n| n as u64);
        let took_ms = self.tally.took.iter().map(|(key, (sum, times))| (key.clone(), sum / times.max(&1))).collect();
        let result = format!("{ending:?}").to_lowercase();
        records.push(Record::RunEnd(RunEnd { result, at_ms: self.session.world.now_ms(), changes, took_ms }));
        for record in &records {
            state.apply(record).map_err(terrane_state::Error::from)?;
        }
        self.journal.commit(records).await?;
        Ok(self.journal.seal(state).await?)
    }
}

/// The stack's exports after a run, when they are others than before.
fn exports(graph: &Graph, facts: &Facts, state: &State, purpose: Purpose, ending: Ending) -> Option<Properties> {
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
    } else if ending != Ending::Done {
        return None;
    }
    let exports = Properties::new(values, secret);
    (exports != state.exports).then_some(exports)
}

/// Notes the most destructive step that was shown for each resource.
fn approve(approved: &mut BTreeMap<Urn, u8>, plan: &Plan, shown: bool) {
    for step in &plan.steps {
        let severity = if shown { step.op.severity() } else { step.op.severity().min(1) };
        let most = approved.entry(step.urn.clone()).or_default();
        *most = severity.max(*most);
    }
}
