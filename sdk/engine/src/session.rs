//! A session: one stack of one project in one store. What the command line, tests and other tools call.

use crate::{
    ApplyOptions, Drift, Error, Events, PlanOptions, RealWorld, Refresh, RefreshReport, Report, World,
    apply::{Applying, exports, idle},
    evaluate,
    execute::Connections,
    lock::release,
    moves,
    plan::Outcome,
    read::{self, Sight},
    rollback,
};
use futures_util::future::join;
use std::{collections::HashSet, sync::Arc, time::Duration};
use terrane_core::{
    Config, Facts, Graph, Plan, Program, Properties, ProviderSpec, Record, Stack, State, Urn,
    plan::Purpose,
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
    pub(crate) project: Arc<Project>,
    pub(crate) stack: String,
    pub(crate) store: Arc<dyn Store>,
    config: ConfigSource,
    pub(crate) world: Arc<dyn World>,
    /// How long to wait for a lock that somebody else has; see [`Session::waiting`].
    pub(crate) wait: Duration,
    pub(crate) events: Events,
}

/// A plan and what is needed to carry it out.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// The state that it was made from, with what looking at the real objects has shown.
    pub state: State,
    /// What looking has shown.
    pub drift: Vec<Drift>,
    pub(crate) graph: Graph,
    pub(crate) facts: Facts,
    pub(crate) observed: Vec<Record>,
    pub(crate) options: PlanOptions,
}

impl Planned {
    /// Whether state has something to follow although no step needs a person's consent: an option of a resource, an export, what looking
    /// at the real objects has shown. `up` writes it without asking.
    pub fn needs_record(&self) -> bool {
        let exports = || exports(&self.graph, &self.facts, &self.state, self.plan.purpose);
        !self.observed.is_empty() || self.plan.steps.iter().any(|step| step.noted) || exports().is_some()
    }
}

impl Session {
    /// A session in the real world.
    pub fn new(project: Arc<Project>, stack: &str, store: Arc<dyn Store>, config: ConfigSource) -> Self {
        Self::in_world(project, stack, store, config, Arc::new(RealWorld::default()))
    }

    /// A session in a world of the caller's.
    pub fn in_world(
        project: Arc<Project>,
        stack: &str,
        store: Arc<dyn Store>,
        config: ConfigSource,
        world: Arc<dyn World>,
    ) -> Self {
        let (wait, events) = (Duration::ZERO, Events::unheard());
        Self { project, stack: stack.to_owned(), store, config, world, wait, events }
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
    async fn references(
        &self,
    ) -> Result<impl Fn(&str, &str) -> terrane_core::Result<Properties> + Send + Sync + 'static, Error> {
        let (store, handle) = (self.store.clone(), tokio::runtime::Handle::try_current().ok());
        Ok(move |project: &str, stack: &str| {
            let missing = || {
                terrane_core::Error::new(format!("there is no stack {project}/{stack} in {}", store.place()))
                    .code("T0109")
            };
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
        // Neither needs the other, and both take their time where there are many resources.
        let (state, stack) = join(self.state(), self.evaluate()).await;
        let state = state?.unwrap_or_else(|| State::new(Lineage::default()));
        self.plan_from(state, stack?, options, events).await
    }

    /// Plans for a run that is to be carried out: what a crashed run left open is brought to its end first, and said.
    ///
    /// # Errors
    /// As [`Session::recover`] and [`Session::plan`].
    pub async fn prepare(
        &self,
        command: &str,
        options: &PlanOptions,
        events: &Events,
    ) -> Result<(Vec<String>, Planned), Error> {
        let planned = self.plan(options, events).await?;
        if !planned.state.is_cut_off() {
            return Ok((Vec::new(), planned));
        }
        let recovered = self.recover(command, events).await?;
        if let Some(to) = planned.state.next_name() {
            return Err(Error::Renamed { stack: self.stack.clone(), to: to.to_owned() });
        }
        Ok((recovered, self.plan(options, events).await?))
    }

    async fn plan_from(
        &self,
        mut state: State,
        stack: Stack,
        options: &PlanOptions,
        events: &Events,
    ) -> Result<Planned, Error> {
        if let Some(past) = &options.rollback {
            let program = std::mem::take(&mut *stack.graph());
            let named = program.handles.iter().map(|handle| handle.spec);
            let specs: Vec<&ProviderSpec> = named.chain(self.project.providers.iter().copied()).collect();
            *stack.graph() = rollback::graph(past, program, &specs).map_err(Error::Program)?;
        }
        let sight = self.look(&mut state, &stack, options, events).await?;
        let (Outcome { plan, facts }, graph) = evaluate::plan(&self.project, &stack, &state, &sight.drifted, options)?;
        let options = options.clone();
        Ok(Planned { plan, state, drift: sight.drift, graph, facts, observed: sight.records, options })
    }

    async fn look(
        &self,
        state: &mut State,
        stack: &Stack,
        options: &PlanOptions,
        events: &Events,
    ) -> Result<Sight, Error> {
        let connections = self.connections(stack);
        let seq = state.seq;
        let always =
            |instance: &Instance| connections.kind_spec(instance.urn.kind()).is_some_and(|spec| spec.always_read);
        let sight = match options.refresh {
            Refresh::Never => Sight::default(),
            Refresh::Cheap => read::look(state, &connections, always, events).await?,
            Refresh::All => read::look(state, &connections, |_| true, events).await?,
        };
        // What was seen is written when the plan is carried out; the plan is still one from the state in the store.
        state.seq = seq;
        Ok(sight)
    }

    pub(crate) fn connections(&self, stack: &Stack) -> Connections {
        let graph = stack.graph();
        let named = graph.handles.iter().map(|handle| handle.spec);
        Connections::new(named.chain(self.project.providers.iter().copied()))
    }

    /// Looks at every object and lets state follow what is seen.
    ///
    /// # Errors
    /// When the program fails, or the state or a provider can't be read.
    pub async fn refresh(&self, options: &PlanOptions, events: &Events) -> Result<RefreshReport, Error> {
        let journal = self.open("refresh", events).await?;
        release(&journal, self.refresh_under(&journal, options, events).await).await
    }

    async fn refresh_under(
        &self,
        journal: &Arc<dyn Journal>,
        options: &PlanOptions,
        events: &Events,
    ) -> Result<RefreshReport, Error> {
        let began = self.world.clock_ms();
        let stack = self.evaluate().await?;
        let mut state = journal.state();
        let connections = self.connections(&stack);
        let patterns = &options.targets;
        // What has an open operation is recovery's to look at: were it forgotten here, the operation could never end.
        let open: HashSet<Urn> = state.pending.values().map(|intent| intent.urn.clone()).collect();
        let chosen = |instance: &Instance| {
            let asked = patterns.is_empty() || patterns.iter().any(|p| crate::plan::matches(p, &instance.urn));
            asked && !open.contains(&instance.urn)
        };
        let sight = read::look(&mut state, &connections, chosen, events).await?;
        self.write(journal, "refresh", sight.records).await?;
        let took_ms = self.world.clock_ms() - began;
        Ok(RefreshReport { drift: sight.drift, looked_at: sight.looked_at, took_ms })
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
        let journal = self.open(command, &self.events).await?;
        let edited = match edit(&journal.state()) {
            Ok(records) => self.write(&journal, command, records).await,
            Err(error) => Err(Error::Program(error)),
        };
        release(&journal, edited).await
    }

    pub(crate) fn start(&self, command: &str, message: &str) -> RunStart {
        let holder = Holder::current();
        let who = format!("{}@{}", holder.user, holder.host);
        RunStart { command: command.to_owned(), message: message.to_owned(), who, at_ms: self.world.now_ms() }
    }

    /// Writes records as a run of their own; nothing, when there are none.
    pub(crate) async fn write(
        &self,
        journal: &Arc<dyn Journal>,
        command: &str,
        records: Vec<Record>,
    ) -> Result<State, Error> {
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
        journal.finish(all, &state).await?;
        Ok(state)
    }

    /// Carries a plan out.
    ///
    /// # Errors
    /// When the plan is refused, the state has changed since it was made, or state can't be locked or written. Steps that fail are in the
    /// report.
    pub async fn apply(&self, mut planned: Planned, options: &ApplyOptions, events: &Events) -> Result<Report, Error> {
        if !planned.plan.faults.is_empty() {
            return Err(Error::Refused { faults: planned.plan.faults });
        }
        let command = match planned.plan.purpose {
            Purpose::Up => "up",
            Purpose::Destroy => "destroy",
        };
        if !planned.plan.has_changes() && !planned.needs_record() && !planned.state.is_cut_off() {
            return Ok(idle(command, &planned, events));
        }
        // What follows works on the state that is read under the lock.
        drop(std::mem::take(&mut planned.state));
        let journal = self.open(command, events).await?;
        let applied = self.apply_under(&journal, command, planned, options, events).await;
        release(&journal, applied).await
    }

    async fn apply_under(
        &self,
        journal: &Arc<dyn Journal>,
        command: &str,
        planned: Planned,
        options: &ApplyOptions,
        events: &Events,
    ) -> Result<Report, Error> {
        let mut state = journal.state();
        if state.seq != planned.plan.seq {
            let why = format!("{} records were written in between", state.seq.abs_diff(planned.plan.seq));
            return Err(Error::Changed { why });
        }
        moves::open_ends(&state)?;
        Applying::new(self, command, journal, options, events).run(planned, &mut state).await
    }
}
