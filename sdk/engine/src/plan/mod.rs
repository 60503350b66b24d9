//! The planner: graph, state and facts in, plan out. Pure: no clock, no file, no call.

mod decide;
mod inputs;
mod order;
mod providers;
mod removals;
pub(crate) mod schedule;
mod selection;

pub(crate) use decide::{Circumstances, decide};
pub(crate) use inputs::{Resolved, resolve};
pub(crate) use providers::{Providers, key as provider_key};
pub(crate) use selection::{Selection, matches};

use crate::{Error, PlanOptions};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};
use terrane_core::{
    Facts, Fault, Graph, Properties, State, Unresolved, Urn,
    graph::Node,
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
    Ok(planner.finish())
}

pub(crate) struct Planner<'a> {
    input: &'a Input<'a>,
    selection: Selection,
    facts: Facts,
    steps: Vec<Step>,
    faults: Vec<Fault>,
    /// What the program's resources were called before: new URN to old.
    moved: HashMap<Urn, Urn>,
    /// Resources that will be other objects after the run.
    replaced: BTreeSet<Urn>,
}

impl<'a> Planner<'a> {
    fn new(input: &'a Input<'a>) -> Result<Self, Error> {
        let moved = moves(input);
        let selection = Selection::new(input, &moved)?;
        let faults = input.graph.faults.clone();
        let (facts, steps, replaced) = (Facts::default(), Vec::new(), BTreeSet::new());
        Ok(Self { input, selection, facts, steps, faults, moved, replaced })
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
        for position in positions {
            let node = &graph.nodes[position];
            let old = self.instance(&node.urn);
            if !self.selection.includes(&node.urn) {
                if let Some(old) = old {
                    self.facts.know(node.urn.clone(), old.outputs.values.clone());
                }
                continue;
            }
            let step = self.step(node, old.as_ref(), &providers);
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

    fn step(&mut self, node: &Node, old: Option<&Arc<Instance>>, providers: &Providers) -> Step {
        let resolved = resolve(node, old.map(|old| &**old), &self.facts);
        self.faults.extend(resolved.faults(node));
        let circumstances = Circumstances {
            place: providers.moved(node.handle, old.map(|old| old.provider.as_str()), self.input.state, &self.facts),
            replaced_with: node.draft.options.replaced_with.iter().find(|urn| self.replaced.contains(*urn)).cloned(),
            container: node.draft.options.deleted_with.iter().find(|urn| self.replaced.contains(*urn)).cloned(),
            asked: self.selection.asks_replacement(&node.urn),
            drifted: self.input.drifted.contains(&node.urn),
            import: self.selection.import(&node.urn).or_else(|| node.draft.options.imported.clone()),
        };
        let trigger = node.draft.options.replaced_when.as_ref().map(|value| value.resolve(&self.facts));
        let decision = decide(node, old.map(|old| &**old), &resolved, &circumstances, trigger.as_ref());
        self.faults.extend(decision.faults);
        let dependencies = node.dependencies(&self.input.graph.handles);
        let kept = self.kept(node, trigger);
        let noted = decision.op == Op::Same
            && old.is_some_and(|old| {
                old.kept != kept
                    || old.dependencies != dependencies
                    || providers.key(node.handle, &self.facts).is_some_and(|key| key != old.provider)
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
            inputs: Properties::new(resolved.known, resolved.secret),
            changes: decision.changes,
            why: decision.why,
            dependencies,
            kept,
            noted,
        }
    }

    fn kept(&self, node: &Node, trigger: Option<Result<serde_json::Value, Unresolved>>) -> Kept {
        kept_of(node, self.input.graph, trigger.and_then(Result::ok))
    }

    /// What later steps may count on.
    fn learn(&mut self, node: &Node, old: Option<&Arc<Instance>>, step: &Step) {
        match (step.op, old) {
            (Op::Same, Some(old)) => self.facts.know(node.urn.clone(), old.outputs.values.clone()),
            (Op::Update, Some(old)) => {
                let stable = node.spec.outputs.iter().filter(|field| field.stable);
                let known = stable.filter_map(|f| Some((f.name.to_owned(), old.outputs.get(f.name)?.clone()))).collect();
                self.facts.expect(node.urn.clone(), Arc::new(known));
            }
            (Op::Replace { .. }, _) => {
                self.replaced.insert(node.urn.clone());
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Outcome {
        let graph = self.input.graph;
        schedule::settle_orders(&mut self.steps, self.input.state);
        let mut exports = serde_json::Map::new();
        let (mut secret, mut exports_unknown) = (BTreeSet::new(), Vec::new());
        if self.input.options.purpose == Purpose::Up {
            for (name, export) in &graph.exports {
                match export.value.resolve(&self.facts) {
                    Ok(value) => drop(exports.insert(name.clone(), value)),
                    Err(Unresolved::Waits { .. }) => exports_unknown.push(name.clone()),
                    Err(Unresolved::Invalid(why)) => {
                        self.faults.push(Fault::new("T0201", format!("export `{name}`: {why}")).at(export.site));
                    }
                }
                if export.value.is_secret() {
                    secret.insert(name.clone());
                }
            }
        }
        let waiting = removals::waiting(self.input, &self.facts);
        let plan = Plan {
            format: FORMAT,
            project: self.input.project.to_owned(),
            stack: self.input.stack.to_owned(),
            lineage: self.input.state.lineage.clone(),
            seq: self.input.state.seq,
            purpose: self.input.options.purpose,
            steps: self.steps,
            waiting,
            exports: Properties::new(exports, secret),
            exports_unknown,
            notes: graph.notes.clone(),
            claims: graph.claims.clone(),
            faults: self.faults,
        };
        Outcome { plan, facts: self.facts }
    }
}

/// The options of a resource as state keeps them.
pub(crate) fn kept_of(node: &Node, graph: &Graph, trigger: Option<serde_json::Value>) -> Kept {
    let options = &node.draft.options;
    let turn = node.turn.map(|(rollout, member)| {
        let rollout = &graph.rollouts[rollout];
        (rollout.name().to_owned(), rollout.members()[member].clone())
    });
    Kept {
        protected: options.protected,
        retained: options.retained,
        deleted_with: options.deleted_with.clone(),
        trigger,
        timeout_ms: options.timeout.map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
        turn,
    }
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
    /// Deletes, forgets and leftovers, appended in an order in which dependents come first.
    fn removals(&mut self) {
        let (steps, faults) = removals::removals(self.input, &self.selection, &self.moved);
        self.steps.extend(steps);
        self.faults.extend(faults);
        for step in &self.steps {
            if let Op::Replace { .. } = step.op
                && self.instance(&step.urn).is_some_and(|old| old.kept.protected)
            {
                self.faults.push(removals::protected(step, "replaced"));
            }
        }
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
