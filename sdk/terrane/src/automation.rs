//! Runs as library calls, for tools that embed a program: typed reports and errors, and a stream of typed events.
//!
//! ```no_run
//! # async fn tool() -> Result<(), Box<dyn std::error::Error>> {
//! use terrane::automation::{Events, Project};
//!
//! let project = Project::new("shop", |_stack| Ok(())).state("file:///var/lib/shop")?;
//! let stack = project.stack("prod").events(Events::to(|event| println!("{event:?}")));
//! let preview = stack.preview().await?;
//! if preview.has_changes() {
//!     let report = stack.up().await?;
//!     println!("{} created in {} ms", report.counts.create, report.took_ms);
//! }
//! # Ok(())
//! # }
//! ```

pub use terrane_cli::schema;
pub use terrane_engine::{
    ApplyOptions, Drift, Ending, Error, Events, Failure, Interrupt, PlanOptions, Planned, Refresh, RefreshReport,
    Report, Session, What,
};
pub use terrane_state::{FileStore, MemoryStore, Store};

use crate::{Config, Plan, Provider, ProviderSpec, Result as ProgramResult, Stack as Declarations, plan::Purpose};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use terrane_engine::ConfigSource;

/// A program with its name and the place that keeps its state.
#[derive(Clone)]
pub struct Project {
    name: String,
    program: Arc<terrane_core::Program>,
    providers: Vec<&'static ProviderSpec>,
    store: Arc<dyn Store>,
    config: Map<String, Value>,
}

impl Project {
    /// A program whose state is kept in memory until [`Project::state`] or [`Project::store`] says otherwise.
    pub fn new(name: &str, program: impl Fn(&Declarations) -> ProgramResult<()> + Send + Sync + 'static) -> Self {
        let (program, store) = (Arc::new(program), Arc::new(MemoryStore::default()));
        Self { name: name.to_owned(), program, providers: Vec::new(), store, config: Map::new() }
    }

    /// Keeps state at a URL, as `--state` takes it.
    ///
    /// # Errors
    /// When the URL names no place that this build can reach.
    pub fn state(self, url: &str) -> Result<Self, Error> {
        let store = terrane_state::open(url)?;
        Ok(self.store(store))
    }

    /// Keeps state in a store.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = store;
        self
    }

    /// Sets one key of the configuration.
    #[must_use]
    pub fn config(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.config.insert(key.to_owned(), value.into());
        self
    }

    /// Names a provider that state may have resources of although the program no longer uses it.
    #[must_use]
    pub fn provider<P: Provider>(mut self) -> Self {
        self.providers.push(ProviderSpec::of::<P>());
        self
    }

    /// One stack of the project; it is made with its first run.
    pub fn stack(&self, name: &str) -> Stack {
        let values = self.config.clone();
        let config: ConfigSource = Arc::new(move || Ok(Config::new(values.clone(), BTreeMap::new())));
        let (name_of, program, providers) = (self.name.clone(), self.program.clone(), self.providers.clone());
        let project = terrane_engine::Project { name: name_of, program, providers };
        let session = Session::new(Arc::new(project), name, self.store.clone(), config);
        Stack { session, events: Events::unheard(), apply: ApplyOptions::default() }
    }
}

/// One stack, to preview, bring up, look at or destroy.
pub struct Stack {
    session: Session,
    events: Events,
    apply: ApplyOptions,
}

impl Stack {
    /// Sends each event of the coming runs to `events`.
    #[must_use]
    pub fn events(mut self, events: Events) -> Self {
        self.events = events;
        self
    }

    /// Carries plans out with these options.
    #[must_use]
    pub fn options(mut self, apply: ApplyOptions) -> Self {
        self.apply = apply;
        self
    }

    /// Waits so long for a stack that somebody else works on, instead of failing at once; told as [`What::LockWaiting`].
    #[must_use]
    pub fn waiting(mut self, limit: Duration) -> Self {
        self.session = self.session.waiting(limit);
        self
    }

    /// The session below, for what this type has no shorter word for.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What `up` would do. Nothing is written.
    ///
    /// # Errors
    /// When the program fails, or state or a provider can't be read. What is wrong with the plan is in [`Plan::faults`].
    pub async fn preview(&self) -> Result<Plan, Error> {
        self.preview_with(&PlanOptions::new(Purpose::Up)).await
    }

    /// [`Stack::preview`], with options.
    ///
    /// # Errors
    /// As there.
    pub async fn preview_with(&self, options: &PlanOptions) -> Result<Plan, Error> {
        Ok(self.session.plan(options, &self.events).await?.plan)
    }

    /// Makes the stack what the program says, after bringing to an end what a crashed run left open.
    ///
    /// # Errors
    /// When the plan is refused, or state can't be read, locked or written. Steps that fail are in the report.
    pub async fn up(&self) -> Result<Report, Error> {
        self.up_with(&PlanOptions::new(Purpose::Up)).await
    }

    /// [`Stack::up`], with options.
    ///
    /// # Errors
    /// As there.
    pub async fn up_with(&self, options: &PlanOptions) -> Result<Report, Error> {
        self.run("up", options).await
    }

    /// Deletes everything in the stack.
    ///
    /// # Errors
    /// As [`Stack::up`].
    pub async fn destroy(&self) -> Result<Report, Error> {
        self.run("destroy", &PlanOptions::new(Purpose::Destroy)).await
    }

    async fn run(&self, command: &str, options: &PlanOptions) -> Result<Report, Error> {
        self.session.until_free(&self.events).await?;
        let (recovered, planned) = self.session.prepare(command, options, &self.events).await?;
        let report = self.session.apply(planned, &self.apply, &self.events).await?;
        Ok(Report { recovered, ..report })
    }

    /// Looks at every object and lets state follow what is seen.
    ///
    /// # Errors
    /// When the program fails, or state or a provider can't be read.
    pub async fn refresh(&self) -> Result<RefreshReport, Error> {
        self.session.refresh(&PlanOptions::new(Purpose::Up), &self.events).await
    }
}
