//! The beginning of a task: what it will do now that its inputs are known, and the record that says so before it does it.

use super::{Execution, outcome::Problem};
use crate::plan::{Providers, decide, kept_of, resolve, schedule::Part};
use petgraph::graph::NodeIndex;
use serde_json::{Map, Value};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use terrane_core::{
    Error, Hook, OpId, Properties, Record,
    graph::Node,
    kind::Recorded,
    plan::{Op, Step},
    state::{Action, Instance, Intent, Kept, ProviderRecord},
};

/// A call whose intent is recorded.
pub(crate) struct Begun {
    pub task: NodeIndex,
    pub intent: Intent,
    /// The settings of its provider.
    pub settings: Map<String, Value>,
    /// The object as it was, for updates and deletes.
    pub was: Recorded,
    /// The id of the object to adopt.
    pub import: Option<String>,
    /// The outputs to keep secret.
    pub secret_outputs: BTreeSet<String>,
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
            Ok(Some(begun)) => {
                self.record(Record::Intent(begun.intent.clone()));
                self.run.calls.limits.started(super::provider_of(plan, &self.order, task));
                self.begun.push(begun);
            }
            Ok(None) => self.complete(task),
            Err(problem) => self.give_up(task, problem),
        }
    }

    /// Starts the call of a task whose intent is durable.
    pub(super) fn launch(&mut self, begun: Begun) {
        self.tally.started(begun.task, self.run.calls.world.clock_ms());
        self.running.push(Box::pin(self.run.calls.clone().perform(begun)));
    }

    fn make(&mut self, task: NodeIndex, step: &Step) -> Result<Option<Begun>, Problem> {
        let graph = self.graph;
        let node = graph.node(&step.urn).ok_or_else(|| Problem::from(Error::new("it has left the program since the plan was made")))?;
        if let Some(from) = &step.moved_from
            && self.state.live.contains_key(from)
        {
            self.record(Record::Moved { from: from.clone(), to: step.urn.clone() });
        }
        // A delete-first replacement has lost its object by now.
        let old = self.state.live.get(&step.urn).cloned();
        let provider = self.provider(node)?;
        let trigger = node.draft.options.replaced_when.as_ref().map(|value| value.resolve(self.facts));
        let kept = kept_of(node, graph, trigger.clone().and_then(Result::ok));
        if step.op == Op::Same {
            self.note(step, &provider.0, kept);
            return Ok(None);
        }
        let resolved = resolve(node, old.as_deref(), self.facts);
        if let Some(fault) = resolved.faults(node).into_iter().next() {
            return Err(Error::new(fault.message).code("T0201").not_applied().into());
        }
        if let Some((name, why)) = resolved.unknown.iter().next() {
            return Err(Error::new(format!("`{name}` has no value: {why}")).not_applied().into());
        }
        let op = self.decided(step, node, old.as_deref(), &resolved, trigger.as_ref())?;
        let action = match op {
            Op::Same => {
                self.learn_same(task, step, old.as_deref());
                self.note(step, &provider.0, kept);
                return Ok(None);
            }
            Op::Update => Action::Update,
            Op::Import => Action::Import,
            _ => Action::Create,
        };
        if action == Action::Update {
            self.spared.insert(self.order[task].step);
        }
        let inputs = Properties::new(resolved.known, resolved.secret);
        let mut intent = self.intent(step, action, provider.0, kept);
        intent.target = old.as_ref().filter(|_| action == Action::Update).map(|old| old.op.clone());
        (intent.inputs, intent.dependencies) = (inputs, step.dependencies.clone());
        let was = old.filter(|_| action == Action::Update).map(|old| recorded(&old)).unwrap_or_default();
        Ok(Some(self.call(task, intent, provider.1, was, Some(node), step.import.clone())))
    }

    /// What the step does now that its inputs are known, never more than what was approved.
    fn decided(
        &mut self,
        step: &Step,
        node: &Node,
        old: Option<&Instance>,
        resolved: &crate::plan::Resolved,
        trigger: Option<&Result<Value, terrane_core::Unresolved>>,
    ) -> Result<Op, Problem> {
        if !step.uncertain || old.is_none() {
            return Ok(step.op);
        }
        let decision = decide(node, old, resolved, &crate::plan::Circumstances::default(), trigger);
        if let Some(fault) = decision.faults.into_iter().next() {
            return Err(Error::new(fault.message).code("T0202").not_applied().into());
        }
        let approved = self.run.approved.get(&step.urn).copied().unwrap_or(0);
        if decision.op.severity() > approved {
            let because = decision.why.iter().map(|why| format!("{why:?}")).collect::<Vec<_>>().join(", ");
            return Err(Problem::Unapproved(format!("it would be {}d: {because}", decision.op.word())));
        }
        Ok(if matches!(decision.op, Op::Replace { .. }) { step.op } else { decision.op })
    }

    /// State follows the program where no call is needed.
    fn note(&mut self, step: &Step, provider: &str, kept: Kept) {
        let Some(old) = self.state.live.get(&step.urn) else { return };
        if old.kept != kept || old.dependencies != step.dependencies || old.provider != provider {
            let (urn, provider, dependencies) = (step.urn.clone(), provider.to_owned(), step.dependencies.clone());
            self.record(Record::Noted { urn, provider, dependencies, kept, site: step.site.clone() });
        }
    }

    fn learn_same(&mut self, task: NodeIndex, step: &Step, old: Option<&Instance>) {
        self.spared.insert(self.order[task].step);
        if let Some(old) = old {
            self.facts.know(step.urn.clone(), old.outputs.values.clone());
        }
    }

    fn remove(&mut self, task: NodeIndex, step: &Step) -> Result<Option<Begun>, Problem> {
        let Some(instance) = step.target.as_ref().and_then(|op| self.find(step, op)) else { return Ok(None) };
        if self.spared.contains(&self.order[task].step) {
            return Ok(None);
        }
        let delete_first = step.op == Op::Replace { delete_first: true };
        if delete_first && step.uncertain && self.turns_out_less(step, &instance) {
            return Ok(None);
        }
        let taken_along = instance.kept.deleted_with.as_ref().is_some_and(|with| self.goes(with));
        if instance.kept.retained || step.op == Op::Forget || taken_along {
            self.record(Record::Forgotten { urn: instance.urn.clone(), op: instance.op.clone() });
            self.tally.counts.forget += 1;
            return Ok(None);
        }
        let settings = self.state.providers.get(&instance.provider).map(|provider| provider.settings.clone());
        let settings = settings.unwrap_or_default();
        let mut intent = self.intent(step, Action::Delete, instance.provider.clone(), instance.kept.clone());
        intent.urn = instance.urn.clone();
        intent.target = Some(instance.op.clone());
        let node = self.graph.node(&step.urn);
        Ok(Some(self.call(task, intent, settings, recorded(&instance), node, None)))
    }

    /// Whether a replacement that deletes first turns out to be none; its upstream is done, so its inputs are known.
    fn turns_out_less(&mut self, step: &Step, instance: &Instance) -> bool {
        let Some(node) = self.graph.node(&step.urn) else { return false };
        let resolved = resolve(node, Some(instance), self.facts);
        if !resolved.unknown.is_empty() {
            return false;
        }
        let decision = decide(node, Some(instance), &resolved, &crate::plan::Circumstances::default(), None);
        !matches!(decision.op, Op::Replace { .. })
    }

    /// Whether the real object of a resource goes in this run.
    fn goes(&self, urn: &terrane_core::Urn) -> bool {
        let gone = |step: &&Step| step.urn == *urn && matches!(step.op, Op::Delete | Op::Replace { .. });
        self.plan.steps.iter().any(|step| gone(&step))
    }

    fn find(&self, step: &Step, op: &OpId) -> Option<Arc<Instance>> {
        let live = self.state.live.get(&step.urn).filter(|live| live.op == *op);
        live.or_else(|| self.state.condemned.get(op)).cloned()
    }

    /// The key and settings of a resource's provider; its first use is recorded.
    fn provider(&mut self, node: &Node) -> Result<(String, Map<String, Value>), Problem> {
        let providers = Providers::new(self.graph);
        let settings = providers.settings(node.handle, self.facts);
        let settings = settings.ok_or_else(|| Error::new("the settings of its provider are not known yet").not_applied())?;
        let spec = self.graph.handles[node.handle].spec;
        let key = crate::plan::provider_key(spec, &settings);
        if !self.state.providers.contains_key(&key) {
            let provider = ProviderRecord { name: spec.name.to_owned(), settings: settings.clone() };
            self.record(Record::Provider { key: key.clone(), provider });
        }
        Ok((key, settings))
    }

    fn intent(&self, step: &Step, action: Action, provider: String, kept: Kept) -> Intent {
        let generation = self.state.generation + 1;
        Intent {
            op: OpId::mint(&self.state.lineage, &step.urn, generation),
            generation,
            urn: step.urn.clone(),
            action,
            target: None,
            provider,
            inputs: Properties::default(),
            dependencies: BTreeSet::new(),
            kept,
            site: step.site.clone(),
            at_ms: self.run.calls.world.now_ms(),
        }
    }

    fn call(
        &self,
        task: NodeIndex,
        intent: Intent,
        settings: Map<String, Value>,
        was: Recorded,
        node: Option<&Node>,
        import: Option<String>,
    ) -> Begun {
        let kind = self.run.calls.connections.kind_spec(intent.urn.kind());
        let mut secret_outputs: BTreeSet<String> =
            kind.into_iter().flat_map(|kind| kind.outputs).filter(|field| field.secret).map(|field| field.name.to_owned()).collect();
        secret_outputs.extend(node.into_iter().flat_map(|node| node.draft.options.secret_outputs.iter().cloned()));
        let hooks = node.map(|node| node.draft.options.hooks.clone()).unwrap_or_default();
        let limit = intent.kept.timeout_ms.map_or(self.run.options.timeout, Duration::from_millis);
        let key = format!("{} {}", intent.action.verb(), intent.urn.kind());
        let usual_ms = self.state.took_ms.get(&key).copied();
        Begun { task, intent, settings, was, import, secret_outputs, hooks, limit, usual_ms }
    }
}

fn recorded(instance: &Instance) -> Recorded {
    Recorded { inputs: (*instance.inputs.values).clone(), outputs: (*instance.outputs.values).clone() }
}
