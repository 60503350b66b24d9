//! `Stack`: where a program declares resources.

use crate::{
    Complete, Config, Declare, Draft, Error, Gather, Graph, KindSpec, Note, On, Output, Properties, Provider,
    ProviderSpec, Resource, Result, Rollout, Secret, Urn,
    declared::Declared,
    graph::{Expansion, Export, Handle, Node, Site},
    note::{Claim, Fault},
    secret::{self, redact},
    urn::name_fault,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    collections::hash_map::Entry,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Reads the exports of another stack: project and stack.
pub type References = dyn Fn(&str, &str) -> Result<Properties> + Send + Sync;

type Transform = Arc<dyn Fn(&str, &mut Draft) + Send + Sync>;

struct Shared {
    name: String,
    project: String,
    config: Config,
    references: Box<References>,
    graph: Mutex<Graph>,
}

/// A stack under declaration, or a scope in it. Cheap to clone.
#[derive(Clone)]
pub struct Stack {
    shared: Arc<Shared>,
    scope: String,
    transforms: Vec<Transform>,
    turn: Option<(usize, usize)>,
    site: Option<Site>,
    /// Whether all that is declared here is secret, since it may be made from a secret that an expansion was given.
    secret: bool,
}

impl Stack {
    /// An empty stack, for the engine.
    pub fn new(project: &str, name: &str, config: Config, references: Box<References>) -> Self {
        let graph = Mutex::default();
        let shared = Shared { name: name.to_owned(), project: project.to_owned(), config, references, graph };
        let shared = Arc::new(shared);
        Self { shared, scope: String::new(), transforms: Vec::new(), turn: None, site: None, secret: false }
    }

    /// The stack's name, such as `dev`.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The project's name.
    pub fn project(&self) -> &str {
        &self.shared.project
    }

    /// The names of the scopes that this one lies in, joined by `/`; empty at the top.
    pub fn scope_path(&self) -> &str {
        &self.scope
    }

    /// Adds a resource or a component, and gives back what refers to it.
    #[track_caller]
    pub fn add<On, D: Declare<On> + Complete>(&self, on: &On, draft: D) -> D::Declared {
        draft.declare(&self.at(Site::caller()), on)
    }

    /// Configures a provider.
    #[track_caller]
    pub fn provider<P: Provider>(&self, settings: P) -> On<P> {
        self.provider_from(&Output::known(settings))
    }

    /// Configures a provider with settings that depend on resources of this stack.
    #[track_caller]
    pub fn provider_from<P: Provider>(&self, settings: &Output<P>) -> On<P> {
        let site = self.site.unwrap_or(Site::caller());
        let settings = settings.erase();
        if settings.is_secret() {
            let message = format!(
                "the settings of provider `{}` are made from a secret, and state keeps them in the clear",
                P::NAME
            );
            let help =
                "give it where its credentials come from instead: a profile, a role, a file, an environment variable";
            self.refuse(Fault::new("T0110", message).help(help).at(site));
        }
        let mut graph = self.graph();
        graph.handles.push(Handle { spec: ProviderSpec::of::<P>(), settings, site });
        On::new(graph.handles.len() - 1)
    }

    /// A scope: its name becomes part of the URN of everything declared in it.
    #[track_caller]
    pub fn scope(&self, name: &str) -> Self {
        let site = self.site.unwrap_or(Site::caller());
        self.check_name("scope", name, site);
        let scope = if self.scope.is_empty() { name.to_owned() } else { format!("{}/{name}", self.scope) };
        Self { scope, ..self.clone() }
    }

    /// Declares more once values are known: the one place where structure depends on a value. The body may run at plan time and again at
    /// apply, so it must be pure.
    #[track_caller]
    pub fn expand<G: Gather>(
        &self,
        name: &str,
        waits: G,
        body: impl Fn(&Self, G::Values) -> Result<()> + Send + Sync + 'static,
    ) {
        let site = self.site.unwrap_or(Site::caller());
        let waits = waits.gather();
        let Self { scope, transforms, turn, site: from, secret, .. } = self.scope(name);
        let secret = secret || waits.is_secret();
        let (waiting, within) = (waits.map(|_| ()), scope.clone());
        let body = move |root: &Self, facts: &crate::Facts| {
            let values = waits.resolve(facts).map_err(|e| Error::new(e.to_string()))?;
            let (shared, scope, transforms) = (root.shared.clone(), within.clone(), transforms.clone());
            body(&Self { shared, scope, transforms, turn, site: from, secret }, values)
        };
        self.graph().expansions.push(Expansion { scope, waits: waiting, body: Arc::new(body), site });
    }

    /// Gives a value to people, scripts and other stacks.
    #[track_caller]
    pub fn export<G: Gather>(&self, name: &str, value: G)
    where
        G::Values: Serialize,
    {
        let site = self.site.unwrap_or(Site::caller());
        let value = value.gather().erase();
        let export = Export { value: if self.secret { value.secret() } else { value }, site };
        let former = self.graph().exports.insert(name.to_owned(), export);
        if let Some(former) = former {
            let fault = Fault::new("T0102", format!("`{name}` is exported twice")).at(former.site).at(site);
            self.refuse(fault);
        }
    }

    /// Reads the configuration into a struct.
    ///
    /// # Errors
    /// Which key lacks or has which wrong value, and where it stands.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T> {
        self.shared.config.read("")
    }

    /// Reads one section of the configuration into a struct.
    ///
    /// # Errors
    /// As for [`Stack::config`].
    pub fn config_section<T: DeserializeOwned>(&self, section: &str) -> Result<T> {
        self.shared.config.read(section)
    }

    /// A value that must never be printed or stored in the clear.
    pub fn secret(&self, value: impl Into<Secret<String>>) -> Output<String> {
        let value: Secret<String> = value.into();
        secret::remember(&Value::from(value.expose().as_str()));
        Output::known(value.expose().clone()).secret()
    }

    /// The exports of another stack in the same store.
    pub fn reference(&self, project: &str, stack: &str) -> Reference {
        Reference { project: project.to_owned(), stack: stack.to_owned(), stack_of: self.shared.clone() }
    }

    /// A scope in which each new draft passes through `change` first: its kind and the draft.
    #[must_use]
    pub fn transform(&self, change: impl Fn(&str, &mut Draft) + Send + Sync + 'static) -> Self {
        let mut inner = self.clone();
        inner.transforms.push(Arc::new(change));
        inner
    }

    /// Begins a rollout; see [`Stack::turn`].
    pub fn rollout(&self, name: &str, rollout: Rollout) -> RolloutHandle {
        let mut graph = self.graph();
        graph.rollouts.push(Rollout { name: name.to_owned(), ..rollout });
        RolloutHandle(graph.rollouts.len() - 1)
    }

    /// A scope whose resources are one member of a rollout: they have their turn together.
    pub fn turn(&self, rollout: &RolloutHandle, member: &str) -> Self {
        let mut graph = self.graph();
        let members = &mut graph.rollouts[rollout.0].members;
        let position = members.iter().position(|m| m == member).unwrap_or_else(|| {
            members.push(member.to_owned());
            members.len() - 1
        });
        drop(graph);
        Self { turn: Some((rollout.0, position)), ..self.clone() }
    }

    /// Sets what a rollout waits for, when that is only known after its members.
    pub fn gate(&self, rollout: &RolloutHandle, gate: crate::Gate) {
        self.graph().rollouts[rollout.0].gate = Some(gate);
    }

    /// Shows a warning with the plan.
    pub fn warn(&self, subject: impl Into<String>, text: impl Into<String>) {
        self.graph().notes.push(Note::Warning { subject: subject.into(), text: redact(&text.into()).into_owned() });
    }

    /// Shows a table with the plan.
    pub fn table(&self, headings: Vec<String>, rows: Vec<Vec<String>>) {
        self.graph().notes.push(Note::Table { headings, rows });
    }

    /// Answers a question that `--check` may ask.
    pub fn claim(&self, claim: Claim) {
        self.graph().claims.push(claim);
    }

    /// Says that the program is wrong; evaluation goes on, so that all faults are reported together.
    #[track_caller]
    pub fn refuse(&self, fault: Fault) {
        let fault = if fault.sites.is_empty() { fault.at(self.site.unwrap_or(Site::caller())) } else { fault };
        self.graph().faults.push(fault);
    }

    /// The graph so far, for the engine.
    pub fn graph(&self) -> MutexGuard<'_, Graph> {
        // A program that panicked while it held the lock is reported as such; what it had declared is still whole.
        self.shared.graph.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The configuration, for the engine.
    pub fn configuration(&self) -> &Config {
        &self.shared.config
    }

    /// The same scope, with everything declared in it attributed to `site` unless it is attributed already.
    fn at(&self, site: Site) -> Self {
        Self { site: Some(self.site.unwrap_or(site)), ..self.clone() }
    }

    fn check_name(&self, what: &str, name: &str, site: Site) {
        if let Some(fault) = name_fault(name) {
            self.refuse(Fault::new("T0103", format!("{what} `{}`: {fault}", name.escape_debug())).at(site));
        }
    }

    /// Declares one resource; the end of every `add`.
    #[track_caller]
    pub(crate) fn declare<R: Resource>(&self, on: &On<R::Provider>, mut draft: Draft) -> Declared<R> {
        let site = self.site.unwrap_or(Site::caller());
        for transform in &self.transforms {
            transform(R::KIND, &mut draft);
        }
        if self.secret {
            draft.fields.make_secret();
        }
        self.check_name("resource", &draft.name, site);
        let urn = Urn::new(self.name(), self.project(), &self.scope, R::KIND, &draft.name);
        let mut graph = self.graph();
        let position = graph.nodes.len();
        let twin = match graph.index.entry(urn.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(position);
                None
            }
            Entry::Occupied(entry) => Some(*entry.get()),
        };
        if let Some(twin) = twin {
            let message = format!("{} `{}` is declared twice", R::KIND, urn.label());
            let fault = Fault::new("T0101", message).help("give one of them another name, or put it into a scope");
            let fault = fault.at(graph.nodes[twin].site).at(site);
            graph.faults.push(fault);
            return Declared::new(urn, &draft.options.secret_outputs);
        }
        let spec = KindSpec::of::<R>();
        let declared = Declared::new(urn.clone(), &draft.options.secret_outputs);
        graph.nodes.push(Node { urn, spec, handle: on.handle(), draft, site, turn: self.turn });
        declared
    }
}

/// A rollout of a stack.
#[derive(Clone)]
pub struct RolloutHandle(usize);

/// Another stack's exports.
#[derive(Clone)]
pub struct Reference {
    project: String,
    stack: String,
    stack_of: Arc<Shared>,
}

impl Reference {
    /// One export.
    ///
    /// # Errors
    /// When there is no such stack or export, or it has another type.
    pub fn output<T: DeserializeOwned + Clone + Send + Sync + 'static>(&self, name: &str) -> Result<Output<T>> {
        let place = format!("{}/{}", self.project, self.stack);
        let exports = (self.stack_of.references)(&self.project, &self.stack)?;
        let value = exports.get(name).ok_or_else(|| {
            let known = exports.values.keys().cloned().collect::<Vec<_>>().join(", ");
            Error::new(format!("stack {place} exports no `{name}`")).code("T0109").help(format!("it exports: {known}"))
        })?;
        let value = T::deserialize(value).map_err(|e| Error::from(e).context(format!("`{name}` of stack {place}")))?;
        let output = Output::known(value);
        Ok(if exports.is_secret(name) { output.secret() } else { output })
    }
}
