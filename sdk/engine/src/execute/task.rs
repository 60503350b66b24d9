//! The beginning of a task: what it will do now that its inputs are known, and the record that says so before it does it.

use super::{Execution, outcome::Problem, refusal};
use crate::plan::{
    Circumstances, Decision, Known, Providers, Resolved, companion, decide, kept_of, object, resolve, schedule::Part,
    secret_outputs, trigger,
};
use petgraph::graph::NodeIndex;
use serde_json::{Map, Value};
use std::{collections::BTreeSet, rc::Rc, time::Duration};
use terrane_core::{
    Error, Fault, Hook, OpId, Properties, Record, Urn,
    graph::Node,
    kind::{Recorded, Recovery},
    plan::{Op, Step, Why},
    planted::{Bug, planted},
    state::{Action, Instance, Intent, Kept, ProviderRecord},
};

/// A call whose intent is recorded.
pub(crate) struct Begun {
    pub task: NodeIndex,
    pub intent: Intent,
    /// When the intent was drawn, by the world's clock.
    pub drawn_ms: u64,
    /// The settings of its provider.
    pub settings: Map<String, Value>,
    /// The object as it was, for updates and deletes.
    pub was: Recorded,
    /// The id of the object to adopt.
    pub import: Option<String>,
    pub hooks: Vec<Hook>,
    pub limit: Duration,
    pub usual_ms: Option<u64>,
}

impl Execution<'_> {
    /// Begins a task: ends it at once when there is nothing to call.
    pub(super) fn begin(&mut self, task: NodeIndex) {
        let (plan, position) = (self.plan, self.order[task]);
        let step = &plan.steps[position.step];
        let begun = match position.part {
            Part::Make => self.make(task, step),
            Part::Remove => self.remove(task, step),
        };
        match begun {
            Ok(Some(begun)) if self.needs_listing(&begun.intent) => {
                self.running.push(Box::pin(self.run.calls.clone().list(begun)));
            }
            Ok(Some(begun)) => self.intend(begun),
            Ok(None) => self.complete(task),
            Err(problem) => self.give_up(task, problem),
        }
    }

    /// Whether what its create could be mistaken for has to be known before.
    fn needs_listing(&self, intent: &Intent) -> bool {
        let spec = self.run.calls.connections.kind_spec(intent.urn.kind());
        intent.action == Action::Create && spec.is_some_and(|spec| spec.recovery == Recovery::Unmarked)
    }

    /// Begins a create when it is known what it could be mistaken for.
    pub(super) fn listed(&mut self, begun: Begun, listed: Result<Option<BTreeSet<String>>, Error>) {
        match listed {
            Err(error) => self.give_up(begun.task, error.into()),
            Ok(_) if self.stopping => drop(self.tally.not_started.insert(begun.intent.urn)),
            Ok(listed) => {
                // Other operations have begun meanwhile.
                let (op, generation) = self.draw(&begun.intent.urn);
                let at_ms = self.run.calls.world.now_ms();
                self.intend(Begun { intent: Intent { op, generation, listed, at_ms, ..begun.intent }, ..begun });
            }
        }
    }

    /// Records what a call is about to do; it starts when that is durable.
    fn intend(&mut self, begun: Begun) {
        self.record(Record::Intent(begun.intent.clone()));
        self.begun.push(Begun { drawn_ms: self.run.calls.world.clock_ms(), ..begun });
    }

    /// Starts the call of a task whose intent is durable.
    pub(super) fn launch(&mut self, begun: Begun) {
        self.run.calls.limits.started(super::provider_of(self.plan, &self.order, begun.task));
        let at_ms = self.run.calls.world.clock_ms();
        self.tally.started(begun.task, at_ms);
        self.gather.started(at_ms);
        self.running.push(Box::pin(self.run.calls.clone().perform(begun)));
    }

    fn make(&mut self, task: NodeIndex, step: &Step) -> Result<Option<Begun>, Problem> {
        let graph = self.graph;
        let node =
            graph.node(&step.urn).ok_or_else(|| Error::new("it has left the program since the plan was made"))?;
        if let Some(from) = &step.moved_from
            && self.state.live.contains_key(from)
        {
            self.record(Record::Moved { from: from.clone(), to: step.urn.clone() });
        }
        // A delete-first replacement has lost its object by now.
        let old = self.state.live.get(&step.urn).cloned();
        let provider = self.provider(node)?;
        let kept = kept_of(node, graph, trigger(node, old.as_deref(), self.facts).and_then(Result::ok));
        let (op, inputs) = match step.op {
            // Whatever it awaited was known to the planner already.
            Op::Same => (Op::Same, step.inputs.clone()),
            _ => {
                let resolved = resolve(node, old.as_deref(), self.facts);
                let op = self.decided(step, node, old.as_deref(), &resolved)?;
                (op, Properties::new(resolved.known, resolved.secret))
            }
        };
        let action = match op {
            Op::Same => {
                self.learn_same(task, step, old.as_deref());
                if let Some(old) = old {
                    self.note(step, node, &old, &provider.key, kept, inputs.secret);
                }
                return Ok(None);
            }
            Op::Update => Action::Update,
            Op::Import => Action::Import,
            _ => Action::Create,
        };
        if action == Action::Update {
            self.spared.insert(self.order[task].step);
        }
        let was = old.filter(|_| action == Action::Update);
        let intent = Intent {
            target: was.as_ref().map(|old| old.op.clone()),
            inputs,
            secret_outputs: secret_outputs(node),
            dependencies: step.dependencies.clone(),
            ..self.intent(step, action, provider.key.clone(), kept)
        };
        let was = was.map(|old| Recorded::from(&*old)).unwrap_or_default();
        let begun = self.call(task, intent, provider.settings.clone(), was, Some(node));
        Ok(Some(Begun { import: step.import.clone(), ..begun }))
    }

    /// What the step does now that its inputs are known, never more than what was approved.
    fn decided(&self, step: &Step, node: &Node, old: Option<&Instance>, resolved: &Resolved) -> Result<Op, Problem> {
        if let Some(fault) = resolved.faults(node).into_iter().next() {
            return Err(refused(fault, "T0201"));
        }
        if let Some((name, why)) = resolved.unknown.iter().next() {
            return Err(Error::new(format!("`{name}` has no value: {why}")).not_applied().into());
        }
        let settled = !step.uncertain && step.unknown.is_empty();
        let Some(old) = old.filter(|_| !settled) else { return Ok(step.op) };
        let decision = self.decide_again(step, node, old, resolved)?;
        let replaces = |op| matches!(op, Op::Replace { .. });
        match (replaces(step.op), replaces(decision.op)) {
            (true, true) => Ok(step.op),
            (false, true) => Err(Problem::Unapproved(refusal(decision.op, &decision.why))),
            _ if step.uncertain => Ok(decision.op),
            _ => Ok(step.op),
        }
    }

    /// The decision of the planner again, with what is known by now.
    fn decide_again(&self, step: &Step, node: &Node, old: &Instance, resolved: &Resolved) -> Result<Decision, Problem> {
        let upstream = |urn: &Urn| match self.replaced.contains(urn) || self.deleted.contains(urn) {
            true => Some(true),
            // Its own step has not decided yet.
            false => (!self.facts.is_complete(urn)).then_some(false),
        };
        let around = Circumstances {
            place: Providers::new(self.graph).moved(node.handle, Some(&old.provider), self.state, self.facts),
            replaced_with: companion(node, upstream),
            asked: step.why.contains(&Why::Asked),
            ..Circumstances::default()
        };
        let decision = decide(node, Some(old), resolved, &around, trigger(node, Some(old), self.facts).as_ref());
        if let Some(fault) = decision.faults.into_iter().next() {
            return Err(refused(fault, "T0202"));
        }
        if !self.run.approved.covers(&step.urn, decision.op) {
            return Err(Problem::Unapproved(refusal(decision.op, &decision.why)));
        }
        Ok(Decision { faults: Vec::new(), ..decision })
    }

    /// State follows the program where no call is needed.
    fn note(&mut self, step: &Step, node: &Node, old: &Instance, provider: &str, kept: Kept, secret: BTreeSet<String>) {
        let urn = step.urn.clone();
        if old.kept != kept || old.dependencies != step.dependencies || old.provider != provider {
            let (provider, dependencies) = (provider.to_owned(), step.dependencies.clone());
            self.record(Record::Noted { urn: urn.clone(), provider, dependencies, kept, site: step.site.clone() });
        }
        let secret_outputs = secret_outputs(node);
        if old.inputs.secret != secret || old.outputs.secret != secret_outputs {
            let inputs = Properties { secret, ..old.inputs.clone() };
            let outputs = Properties { secret: secret_outputs, ..old.outputs.clone() };
            self.record(Record::Observed { urn, inputs, outputs });
        }
    }

    fn learn_same(&mut self, task: NodeIndex, step: &Step, old: Option<&Instance>) {
        self.spared.insert(self.order[task].step);
        if let Some(old) = old {
            self.facts.know(step.urn.clone(), old.outputs.values.clone());
        }
    }

    fn remove(&mut self, task: NodeIndex, step: &Step) -> Result<Option<Begun>, Problem> {
        let Some(instance) = object(step, self.state).cloned() else { return Ok(None) };
        if self.spared.contains(&self.order[task].step)
            || (self.in_use.contains(&step.urn) && self.is_condemned(&instance))
        {
            return Ok(None);
        }
        let delete_first = step.op == Op::Replace { delete_first: true };
        if delete_first && step.uncertain && self.turns_out_less(step, &instance)? {
            return Ok(None);
        }
        let taken_along = instance.kept.deleted_with.as_ref().is_some_and(|with| self.deleted.contains(with));
        if instance.kept.retained || step.op == Op::Forget || taken_along {
            self.record(Record::Forgotten { urn: instance.urn.clone(), op: instance.op.clone() });
            self.tally.ended(instance.urn.clone(), Some(|counts| &mut counts.forget));
            return Ok(None);
        }
        let settings = self.state.providers.get(&instance.provider).map(|provider| provider.settings.clone());
        let (op, generation) = self.draw(&instance.urn);
        let intent = Intent {
            op,
            generation,
            urn: instance.urn.clone(),
            target: Some(instance.op.clone()),
            ..self.intent(step, Action::Delete, instance.provider.clone(), instance.kept.clone())
        };
        let node = self.graph.node(&step.urn);
        Ok(Some(self.call(task, intent, settings.unwrap_or_default(), (&*instance).into(), node)))
    }

    fn is_condemned(&self, instance: &Instance) -> bool {
        self.state.condemned.contains_key(&instance.op)
    }

    /// Whether a replacement that deletes first turns out to be none. What is still unknown by now counts as a replacement, as shown.
    fn turns_out_less(&self, step: &Step, instance: &Instance) -> Result<bool, Problem> {
        let Some(node) = self.graph.node(&step.urn) else { return Ok(false) };
        let resolved = resolve(node, Some(instance), self.facts);
        let decision = self.decide_again(step, node, instance, &resolved)?;
        Ok(!matches!(decision.op, Op::Replace { .. }))
    }

    /// The key and settings of a resource's provider; its first use is recorded.
    fn provider(&mut self, node: &Node) -> Result<Rc<Known>, Problem> {
        let known = Providers::new(self.graph).known(node.handle, self.facts);
        let known = known.map_err(|why| Error::new(format!("the settings of its provider: {why}")).not_applied())?;
        if !self.state.providers.contains_key(&known.key) {
            let name = self.graph.handles[node.handle].spec.name.to_owned();
            let provider = ProviderRecord { name, settings: known.settings.clone() };
            self.record(Record::Provider { key: known.key.clone(), provider });
        }
        Ok(known)
    }

    /// The id of a new operation, from the counter that only grows.
    fn draw(&self, urn: &Urn) -> (OpId, u64) {
        let generation = self.state.generation + 1;
        let again = planted(Bug::GenerationReusedAfterDelete) && !self.state.live.contains_key(urn);
        (OpId::mint(&self.state.lineage, urn, if again { 0 } else { generation }), generation)
    }

    fn intent(&self, step: &Step, action: Action, provider: String, kept: Kept) -> Intent {
        let (op, generation) = self.draw(&step.urn);
        Intent {
            op,
            generation,
            urn: step.urn.clone(),
            action,
            target: None,
            provider,
            inputs: Properties::default(),
            secret_outputs: BTreeSet::new(),
            dependencies: BTreeSet::new(),
            kept,
            site: step.site.clone(),
            at_ms: self.run.calls.world.now_ms(),
            listed: None,
            cut_ms: None,
        }
    }

    fn call(
        &self,
        task: NodeIndex,
        intent: Intent,
        settings: Map<String, Value>,
        was: Recorded,
        node: Option<&Node>,
    ) -> Begun {
        let hooks = node.map(|node| node.draft.options.hooks.clone()).unwrap_or_default();
        let limit = intent.kept.timeout_ms.map_or(self.run.options.timeout, Duration::from_millis);
        let usual_ms = self.state.took_ms.get(&intent.action.took_key(intent.urn.kind())).copied();
        Begun { task, intent, drawn_ms: 0, settings, was, import: None, hooks, limit, usual_ms }
    }
}

/// A fault that could be seen only now.
fn refused(fault: Fault, code: &'static str) -> Problem {
    let error = Error::new(fault.message).code(code).not_applied();
    Problem::Failed(fault.help.into_iter().fold(error, Error::help))
}
