//! A stack to run programs in, one version of the program after the other, and what each run has told.

use super::{cloud::Cloud, demo::Demo, text};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};
use terrane::{
    Config, On, Result, Stack,
    kind::ProviderSpec,
    plan::{Plan, Purpose},
    state::{Instance, State},
};
use terrane_engine::{ApplyOptions, Error, Events, PlanOptions, Planned, Project, Refresh, Report, Session, What};
use terrane_state::{MemoryStore, Store};

/// A stack and its cloud.
#[derive(Clone)]
pub(crate) struct Story {
    pub name: String,
    pub cloud: Arc<Cloud>,
    pub store: Arc<dyn Store>,
    pub region: String,
    pub config: Map<String, Value>,
    pub plan: PlanOptions,
    pub apply: ApplyOptions,
    pub heard: Arc<Mutex<Vec<What>>>,
    /// Providers that are known although the program names none.
    pub providers: Vec<&'static ProviderSpec>,
}

impl Story {
    /// A stack with an empty state and an empty cloud of its own.
    pub(crate) fn new(name: &str) -> Self {
        Self::with_store(name, Arc::new(MemoryStore::default()))
    }

    pub(crate) fn with_store(name: &str, store: Arc<dyn Store>) -> Self {
        let plan = PlanOptions::new(Purpose::Up);
        let (config, apply, heard) = (Map::new(), ApplyOptions::default(), Arc::default());
        let (name, cloud, region) = (name.to_owned(), Cloud::named(name), "north".to_owned());
        Self { name, cloud, store, region, config, plan, apply, heard, providers: vec![ProviderSpec::of::<Demo>()] }
    }

    /// A session of the stack with a program, which gets a handle of the demo provider.
    pub(crate) fn session(&self, program: impl Fn(&Stack, &On<Demo>) -> Result<()> + Send + Sync + 'static) -> Session {
        let (cloud, region) = (self.name.clone(), self.region.clone());
        self.bare(move |stack| {
            let demo = stack.provider(Demo { cloud: cloud.clone(), region: region.clone() });
            program(stack, &demo)
        })
    }

    /// A session with a program that names its providers itself.
    pub(crate) fn bare(&self, program: impl Fn(&Stack) -> Result<()> + Send + Sync + 'static) -> Session {
        self.bare_as("dev", program)
    }

    /// The same for another stack of the project.
    pub(crate) fn bare_as(
        &self,
        stack: &str,
        program: impl Fn(&Stack) -> Result<()> + Send + Sync + 'static,
    ) -> Session {
        let project =
            Project { name: "shop".to_owned(), program: Arc::new(program), providers: self.providers.clone() };
        let values = self.config.clone();
        let config = Arc::new(move || Ok(Config::new(values.clone(), BTreeMap::new())));
        Session::new(Arc::new(project), stack, self.store.clone(), config)
    }

    pub(crate) fn events(&self) -> Events {
        let heard = self.heard.clone();
        Events::to(move |what| heard.lock().unwrap().push(what))
    }

    /// Recovers, plans and carries out, as the command line does.
    pub(crate) async fn run(&self, session: &Session) -> Result<(Plan, Report), Error> {
        let (recovered, planned) = session.prepare("up", &self.plan, &self.events()).await?;
        let plan = planned.plan.clone();
        let report = session.apply(planned, &self.apply, &self.events()).await?;
        Ok((plan, Report { recovered, ..report }))
    }

    /// Brings a version of the program up and tells what happened: plan, calls, report.
    pub(crate) async fn up(&self, program: impl Fn(&Stack, &On<Demo>) -> Result<()> + Send + Sync + 'static) -> String {
        self.tell(&self.session(program)).await
    }

    /// Brings a session up and tells what happened.
    pub(crate) async fn tell(&self, session: &Session) -> String {
        match self.run(session).await {
            Ok((plan, report)) => [text::plan(&plan), text::calls(&self.cloud.calls()), text::report(&report)].concat(),
            Err(error) => text::error(&error) + &text::calls(&self.cloud.calls()),
        }
    }

    /// The plan of a version of the program, in short lines.
    pub(crate) async fn preview(
        &self,
        program: impl Fn(&Stack, &On<Demo>) -> Result<()> + Send + Sync + 'static,
    ) -> String {
        match self.planned(&self.session(program)).await {
            Ok(planned) => text::plan(&planned.plan),
            Err(error) => text::error(&error),
        }
    }

    pub(crate) async fn planned(&self, session: &Session) -> Result<Planned, Error> {
        session.plan(&self.plan, &self.events()).await
    }

    /// Deletes everything, with a program that has nothing to say.
    pub(crate) async fn destroy(&self) -> String {
        self.destroy_with(|_, _| Ok(())).await
    }

    /// Deletes what the options select.
    pub(crate) async fn destroy_with(
        &self,
        program: impl Fn(&Stack, &On<Demo>) -> Result<()> + Send + Sync + 'static,
    ) -> String {
        let story = Self { plan: PlanOptions { purpose: Purpose::Destroy, ..self.plan.clone() }, ..self.clone() };
        story.tell(&story.session(program)).await
    }

    /// Looks at every object before planning.
    pub(crate) fn refreshing(&self) -> Self {
        let mut story = self.clone();
        story.plan.refresh = Refresh::All;
        story
    }

    pub(crate) async fn state(&self) -> State {
        self.store.read("shop", "dev").await.unwrap().unwrap_or_default()
    }

    /// Checks that state and cloud know of the same objects, and that nothing is open.
    pub(crate) async fn agree(&self) {
        let state = self.state().await;
        assert!(
            state.pending.is_empty() && state.condemned.is_empty() && state.live.values().all(|live| !live.unsettled)
        );
        let id = |live: &Arc<Instance>| live.outputs.get("id")?.as_str().map(str::to_owned);
        let in_state: BTreeSet<String> = state.live.values().filter_map(id).collect();
        assert_eq!(in_state, self.cloud.objects().into_keys().collect());
    }

    /// The ids in the cloud, joined.
    pub(crate) fn objects(&self) -> String {
        self.cloud.objects().into_keys().collect::<Vec<_>>().join(" ")
    }
}
