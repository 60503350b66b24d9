//! A session: one stack of one project in one store. What the command line, tests and other tools call.

use crate::{
    ApplyOptions, Drift, Error, Events, PlanOptions, RealWorld, Refresh, Report, World,
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
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use terrane_core::{
    Config, Facts, Graph, Plan, Program, Properties, ProviderSpec, Record, Stack, State,
    plan::{Op, Purpose, Step},
    state::{Instance, Lineage},
};
use terrane_state::{Journal, Store};

/// What settings and inputs that name a region are called.
const REGION: &str = "region";

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

impl Project {
    /// The providers that a program names, and those that are known without.
    pub fn specs<'a>(&'a self, program: &'a Graph) -> impl Iterator<Item = &'static ProviderSpec> + 'a {
        program.handles.iter().map(|handle| handle.spec).chain(self.providers.iter().copied())
    }
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

    /// The regions in which the stack has resources once the plan is carried out: those of its providers, and those that a resource names.
    pub fn regions(&self) -> BTreeSet<String> {
        let placed = self.graph.handles.iter().filter(|handle| handle.spec.place.contains(&REGION));
        let of_providers = placed.filter_map(|handle| handle.settings.resolve(&self.facts).ok()?.get(REGION).cloned());
        let stays = |step: &&Step| !matches!(step.op, Op::Delete | Op::Forget);
        let named = self.plan.steps.iter().filter(stays).filter_map(|step| step.inputs.get(REGION).cloned());
        of_providers.chain(named).filter_map(|region| region.as_str().map(str::to_owned)).collect()
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
        Self { project, stack: stack.to_owned(), store, config, world, wait: Duration::ZERO }
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
        evaluate::evaluate(&self.project, &self.stack, &self.config, Box::new(self.references()))
    }

    /// The exports of every other stack in the store, each read when it is asked for.
    fn references(&self) -> impl Fn(&str, &str) -> terrane_core::Result<Properties> + Send + Sync + 'static {
        let (store, handle) = (self.store.clone(), tokio::runtime::Handle::try_current().ok());
        move |project: &str, stack: &str| {
            let missing = || {
                terrane_core::Error::new(format!("there is no stack {project}/{stack} in {}", store.place()))
                    .code("T0109")
            };
            let (store, project, stack) = (store.clone(), project.to_owned(), stack.to_owned());
            let handle = handle.clone().ok_or_else(missing)?;
            let read = std::thread::spawn(move || handle.block_on(async move { store.read(&project, &stack).await }));
            let state = read.join().map_err(|_| missing())??;
            let state = state.ok_or_else(missing)?;
            match state.renamed_to() {
                Some(to) => Err(missing().help(format!("it is called `{to}` now"))),
                None => Ok(state.exports),
            }
        }
    }

    /// Plans. Reads state and, as asked, real objects; writes nothing. What is wrong with the program or the plan is in `plan.faults`.
    ///
    /// # Errors
    /// When the program fails, the state or a provider can't be read, or a selection names nothing.
    pub async fn plan(&self, options: &PlanOptions, events: &Events) -> Result<Planned, Error> {
        let (state, stack) = self.both().await?;
        self.plan_from(state, stack, options, events).await
    }

    /// The state, and what the program declares.
    async fn both(&self) -> Result<(State, Stack), Error> {
        // Neither needs the other, and both take their time where there are many resources.
        let (state, stack) = join(self.state(), self.evaluate()).await;
        Ok((state?.unwrap_or_else(nothing), stack?))
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
        let (mut state, stack) = self.both().await?;
        let mut recovered = Vec::new();
        // A stack that has another name now may have left the last of its move to do there.
        if state.is_cut_off() || state.renamed_to().is_some() {
            recovered = self.settle(&state, Some(&stack), command, events).await?;
            state = self.state().await?.unwrap_or_else(nothing);
        }
        Ok((recovered, self.plan_from(state, stack, options, events).await?))
    }

    async fn plan_from(
        &self,
        mut state: State,
        stack: Stack,
        options: &PlanOptions,
        events: &Events,
    ) -> Result<Planned, Error> {
        moves::present(&self.stack, &state)?;
        if let Some(past) = &options.rollback {
            let program = std::mem::take(&mut *stack.graph());
            let specs: Vec<&ProviderSpec> = self.project.specs(&program).collect();
            *stack.graph() = rollback::graph(past, &state, program, &specs).map_err(Error::Program)?;
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
        Connections::new(self.project.specs(&stack.graph()))
    }

    /// Changes state by hand: `edit` is given the state and returns the records.
    ///
    /// # Errors
    /// What `edit` returns, or when the state can't be read, locked or written.
    pub async fn edit_state(
        &self,
        command: &str,
        edit: impl FnOnce(&State) -> Result<Vec<Record>, terrane_core::Error>,
        events: &Events,
    ) -> Result<State, Error> {
        let journal = self.open(command, events).await?;
        let edited = match edit(&journal.state()) {
            Ok(records) => self.write(&journal, command, records).await,
            Err(error) => Err(Error::Program(error)),
        };
        release(&journal, edited).await
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
        let command = options.command.unwrap_or(match planned.plan.purpose {
            Purpose::Up => "up",
            Purpose::Destroy => "destroy",
        });
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
        if state.lineage != planned.plan.lineage && planned.plan.seq > 0 {
            return Err(Error::Changed { why: "another state stands in its place".to_owned() });
        }
        if state.seq != planned.plan.seq {
            let why = format!("{} records were written in between", state.seq.abs_diff(planned.plan.seq));
            return Err(Error::Changed { why });
        }
        moves::open_ends(&state)?;
        Applying::new(self, command, journal, options, events).run(planned, &mut state).await
    }
}

/// The state of a stack that there isn't yet.
fn nothing() -> State {
    State::new(Lineage::default())
}
