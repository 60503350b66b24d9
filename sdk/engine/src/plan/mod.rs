//! The planner: graph, state and facts in, plan out. Pure: no clock, no file, no call.

mod decide;
mod inputs;
mod names;
mod order;
mod providers;
mod removals;
pub(crate) mod schedule;
mod selection;

pub(crate) use decide::{Circumstances, Decision, decide};
pub(crate) use inputs::{Resolved, Trigger, resolve, secret_outputs, trigger};
pub(crate) use providers::{Known, Providers, missing};
pub(crate) use removals::in_use;
pub(crate) use selection::{Selection, matches};

use crate::{Error, PlanOptions};
use removals::Removals;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};
use terrane_core::{
    Facts, Fault, Graph, KindSpec, Note, Properties, ProviderSpec, State, Unresolved, Urn,
    graph::Node,
    kind::Recovery,
    plan::{FORMAT, Op, Plan, Purpose, Step, Why},
    state::{Instance, Kept},
};

/// What the planner looks at.
pub(crate) struct Input<'a> {
    pub project: &'a str,
    pub stack: &'a str,
    pub graph: &'a Graph,
    /// The state, with what reading the real objects has shown.
    pub state: &'a State,
    /// Resources whose real object was found to differ, or to be gone.
    pub drifted: &'a BTreeSet<Urn>,
    pub options: &'a PlanOptions,
    /// Providers that are known although the program may not name them.
    pub providers: &'a [&'static ProviderSpec],
}

impl Input<'_> {
    /// What is constant about a kind of a known provider.
    fn spec(&self, kind: &str) -> Option<&'static KindSpec> {
        let named = self.graph.handles.iter().map(|handle| handle.spec);
        let mut specs = named.chain(self.providers.iter().copied()).flat_map(|provider| (provider.kinds)());
        specs.find(|spec| spec.kind == kind)
    }
}

/// A plan and what it knows of outputs when nothing has been carried out yet.
pub(crate) struct Outcome {
    pub plan: Plan,
    pub facts: Facts,
}

/// Plans.
pub(crate) fn plan(input: &Input<'_>) -> Result<Outcome, Error> {
    let mut planner = Planner::new(input)?;
    match input.options.purpose {
        Purpose::Up => planner.program()?,
        Purpose::Destroy => {}
    }
    planner.removals();
    names::hand_over(&mut planner.steps, input);
    Ok(planner.finish())
}

pub(crate) struct Planner<'a> {
    input: &'a Input<'a>,
    selection: Selection,
    facts: Facts,
    steps: Vec<Step>,
    faults: Vec<Fault>,
    names: names::Names,
    /// What the program's resources were called before: new URN to old.
    moved: HashMap<Urn, Urn>,
    /// Resources that will be other objects after the run, and whether that is certain.
    replaced: HashMap<Urn, bool>,
}

impl<'a> Planner<'a> {
    fn new(input: &'a Input<'a>) -> Result<Self, Error> {
        let moved = moves(input);
        let selection = Selection::new(input, &moved)?;
        let faults = input.graph.faults.clone();
        let (facts, steps, replaced, names) = (Facts::default(), Vec::new(), HashMap::new(), names::Names::default());
        Ok(Self { input, selection, facts, steps, faults, moved, replaced, names })
    }

    fn program(&mut self) -> Result<(), Error> {
        let graph = self.input.graph;
        let positions = match order::positions(graph) {
            Ok(positions) => positions,
            Err(fault) => {
                self.faults.push(fault);
                return Ok(());
            }
        };
        let providers = Providers::new(graph);
        for (position, dependencies) in positions {
            let node = &graph.nodes[position];
            let old = self.instance(&node.urn);
            if !self.selection.includes(&node.urn) {
                if let Some(old) = old {
                    self.facts.know(node.urn.clone(), old.outputs.values.clone());
                }
                continue;
            }
            let step = self.step(node, old.as_ref(), dependencies, &providers);
            self.learn(node, old.as_ref(), &step);
            self.steps.push(step);
        }
        Ok(())
    }

    /// The object that a resource of the program has in state, under its present or a former name.
    fn instance(&self, urn: &Urn) -> Option<Arc<Instance>> {
        let urn = self.moved.get(urn).unwrap_or(urn);
        self.input.state.live.get(urn).cloned()
    }

    fn step(
        &mut self,
        node: &Node,
        old: Option<&Arc<Instance>>,
        dependencies: BTreeSet<Urn>,
        providers: &Providers,
    ) -> Step {
        let resolved = resolve(node, old.map(|old| &**old), &self.facts);
        self.faults.extend(resolved.faults(node));
        self.faults.extend(self.names.take(node, &resolved));
        let circumstances = Circumstances {
            place: providers.moved(node.handle, old.map(|old| old.provider.as_str()), self.input.state, &self.facts),
            replaced_with: companion(node, |urn| self.replaced.get(urn).copied()),
            asked: self.selection.asks_replacement(&node.urn),
            drifted: self.input.drifted.contains(&node.urn),
            import: self.selection.import(&node.urn).or_else(|| node.draft.options.imported.clone()),
        };
        let trigger = trigger(node, old.map(|old| &**old), &self.facts);
        let decision = decide(node, old.map(|old| &**old), &resolved, &circumstances, trigger.as_ref());
        self.faults.extend(decision.faults);
        let kept = kept_of(node, self.input.graph, trigger.and_then(Result::ok));
        let key = |key: &str| providers.known(node.handle, &self.facts).is_ok_and(|known| known.key != key);
        let noted = decision.op == Op::Same
            && old.is_some_and(|old| {
                old.kept != kept
                    || old.dependencies != dependencies
                    || old.inputs.secret != resolved.secret
                    || old.outputs.secret != secret_outputs(node)
                    || key(&old.provider)
            });
        Step {
            urn: node.urn.clone(),
            op: decision.op,
            uncertain: decision.uncertain,
            site: node.site.to_string(),
            target: old.map(|old| old.op.clone()),
            moved_from: self.moved.get(&node.urn).cloned(),
            import: circumstances.import.filter(|_| decision.op == Op::Import),
            unknown: resolved.unknown.iter().map(|(name, why)| (name.clone(), why.to_string())).collect(),
            inputs: match old {
                // They are the same, so they are shared.
                Some(old) if decision.op == Op::Same => Properties { secret: resolved.secret, ..old.inputs.clone() },
                _ => Properties::new(resolved.known, resolved.secret),
            },
            changes: decision.changes,
            why: decision.why,
            dependencies,
            displaces: BTreeSet::new(),
            kept,
            noted,
        }
    }

    /// What later steps may count on.
    fn learn(&mut self, node: &Node, old: Option<&Arc<Instance>>, step: &Step) {
        match (step.op, old) {
            (Op::Same, Some(old)) => self.facts.know(node.urn.clone(), old.outputs.values.clone()),
            (Op::Update, Some(old)) => {
                let stable = node.spec.outputs.iter().filter(|field| field.stable);
                let known =
                    stable.filter_map(|f| Some((f.name.to_owned(), old.outputs.get(f.name)?.clone()))).collect();
                self.facts.expect(node.urn.clone(), Arc::new(known));
            }
            (Op::Replace { .. }, _) => {
                self.replaced.insert(node.urn.clone(), !step.uncertain);
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Outcome {
        let input = self.input;
        let (graph, state) = (input.graph, input.state);
        schedule::settle_orders(&mut self.steps, state);
        let (exports, exports_unknown) = self.exports();
        let waiting = Removals::new(self.input, &self.moved).waiting(&self.facts);
        let cut_off = state.pending.values().map(|intent| {
            let recovery = input.spec(intent.urn.kind()).map_or(Recovery::Find, |spec| spec.recovery);
            Note::Warning { subject: intent.urn.label(), text: intent.outlook(recovery) }
        });
        // What the program says of itself is no news to somebody who takes it down.
        let notes = graph.notes.iter().filter(|_| self.input.options.purpose == Purpose::Up).cloned();
        let plan = Plan {
            format: FORMAT,
            project: self.input.project.to_owned(),
            stack: self.input.stack.to_owned(),
            lineage: state.lineage.clone(),
            seq: state.seq,
            purpose: self.input.options.purpose,
            steps: self.steps,
            waiting,
            exports,
            exports_unknown,
            notes: cut_off.chain(notes).collect(),
            claims: graph.claims.clone(),
            faults: self.faults,
        };
        Outcome { plan, facts: self.facts }
    }

    /// The exports whose values are known, and the names of the others.
    fn exports(&mut self) -> (Properties, Vec<String>) {
        let (mut known, mut secret, mut unknown) = (serde_json::Map::new(), BTreeSet::new(), Vec::new());
        if self.input.options.purpose == Purpose::Up {
            for (name, export) in &self.input.graph.exports {
                match export.value.resolve(&self.facts) {
                    Ok(value) => drop(known.insert(name.clone(), value)),
                    Err(Unresolved::Waits { .. }) => unknown.push(name.clone()),
                    Err(Unresolved::Invalid(why)) => {
                        self.faults.push(Fault::new("T0201", format!("export `{name}`: {why}")).at(export.site));
                    }
                }
                if export.value.is_secret() {
                    secret.insert(name.clone());
                }
            }
        }
        (Properties::new(known, secret), unknown)
    }
}

/// The resource that a resource is replaced together with, and whether that is certain.
pub(crate) fn companion(node: &Node, replaced: impl Fn(&Urn) -> Option<bool>) -> Option<(Urn, bool)> {
    let options = &node.draft.options;
    let with = options.replaced_with.iter().chain(&options.deleted_with);
    with.filter_map(|urn| Some((urn.clone(), replaced(urn)?))).max_by_key(|(_, certain)| *certain)
}

/// The options of a resource as state keeps them.
pub(crate) fn kept_of(node: &Node, graph: &Graph, trigger: Option<Trigger>) -> Kept {
    let options = &node.draft.options;
    let turn = node.turn.map(|(rollout, member)| {
        let rollout = &graph.rollouts[rollout];
        (rollout.name().to_owned(), rollout.members()[member].clone())
    });
    Kept {
        protected: options.protected,
        retained: options.retained,
        deleted_with: options.deleted_with.clone(),
        trigger: trigger.map(|trigger| trigger.kept),
        timeout_ms: options.timeout.map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
        turn,
    }
}

/// The object that a step finds in state.
pub(crate) fn object<'s>(step: &Step, state: &'s State) -> Option<&'s Arc<Instance>> {
    let op = step.target.as_ref()?;
    // What is deleted before it is replaced has its former name still.
    let urns = [Some(&step.urn), step.moved_from.as_ref()].into_iter().flatten();
    let live = urns.filter_map(|urn| state.live.get(urn)).find(|live| live.op == *op);
    live.or_else(|| state.condemned.get(op))
}

/// Which resources of the program are in state under a former name.
fn moves(input: &Input<'_>) -> HashMap<Urn, Urn> {
    let state = input.state;
    let former = |node: &Node| {
        if state.live.contains_key(&node.urn) {
            return None;
        }
        let candidates = node.draft.options.renamed_from.iter().map(|name| match name.contains('/') {
            true => Urn::parse(name).unwrap_or_else(|_| node.urn.renamed(name)),
            false => node.urn.renamed(name),
        });
        let mut free = candidates.filter(|urn| state.live.contains_key(urn) && !input.graph.index.contains_key(urn));
        free.next()
    };
    let mut taken: BTreeMap<Urn, Urn> = BTreeMap::new();
    for node in &input.graph.nodes {
        if let Some(old) = former(node) {
            taken.entry(old).or_insert_with(|| node.urn.clone());
        }
    }
    taken.into_iter().map(|(old, new)| (new, old)).collect()
}

impl Planner<'_> {
    /// Deletes, forgets and leftovers.
    fn removals(&mut self) {
        let (steps, faults) = Removals::new(self.input, &self.moved).steps(&self.selection);
        self.faults.extend(faults);
        // What only may be replaced stops when it turns out so.
        let replaced = self.steps.iter().filter(|step| matches!(step.op, Op::Replace { .. }) && !step.uncertain);
        let refused = replaced.filter(|step| step.kept.protected);
        self.faults.extend(refused.map(|step| removals::protected(step, "replaced")));
        self.steps.extend(steps);
    }
}

/// The short form of why a step isn't certain, for tests and texts.
pub(crate) fn awaits(name: &str, unresolved: &Unresolved) -> Option<Why> {
    match unresolved {
        Unresolved::Waits { on, field } => {
            Some(Why::Awaits { name: name.to_owned(), on: on.clone(), field: (*field).to_owned() })
        }
        Unresolved::Invalid(_) => None,
    }
}
