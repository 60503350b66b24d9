//! What leaves the stack: deletes, forgets, leftovers of replacements; and what is held back until a value is known.

use super::{Input, Selection, missing};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};
use terrane_core::{
    Facts, Fault, Plan, State, Urn,
    graph::Expansion,
    plan::{Op, Purpose, Step, Waiting, Why},
    state::Instance,
};

/// The resources that the program takes away or holds back.
pub(crate) struct Removals<'a> {
    input: &'a Input<'a>,
    /// Former names of resources that stay.
    moved: HashSet<&'a Urn>,
    /// What is held, by the scope that waits.
    held: BTreeMap<&'a str, BTreeSet<Urn>>,
}

impl<'a> Removals<'a> {
    pub(crate) fn new(input: &'a Input<'a>, moved: &'a HashMap<Urn, Urn>) -> Self {
        let mut removals = Self { input, moved: moved.values().collect(), held: BTreeMap::new() };
        if input.options.purpose == Purpose::Up {
            for Expansion { scope, .. } in &input.graph.expansions {
                let held = removals.held(scope);
                removals.held.insert(scope, held);
            }
        }
        removals
    }

    /// What is in state below a scope that waits, and what would leave the program but is needed by it.
    fn held(&self, scope: &str) -> BTreeSet<Urn> {
        let live = &self.input.state.live;
        let mut held: BTreeSet<Urn> = live.keys().filter(|urn| urn.is_within(scope)).cloned().collect();
        let mut open: Vec<Urn> = held.iter().cloned().collect();
        while let Some(urn) = open.pop() {
            let needed = live.get(&urn).into_iter().flat_map(|instance| &instance.dependencies);
            let leaving = needed.filter(|urn| live.contains_key(*urn) && !self.stays(urn));
            open.extend(leaving.filter(|urn| held.insert((*urn).clone())).cloned());
        }
        held
    }

    fn stays(&self, urn: &Urn) -> bool {
        let destroys = self.input.options.purpose == Purpose::Destroy;
        !destroys && (self.input.graph.index.contains_key(urn) || self.moved.contains(urn))
    }

    /// The steps for everything in state that the program doesn't have, and why some of them are refused.
    pub(crate) fn steps(&self, selection: &Selection) -> (Vec<Step>, Vec<Fault>) {
        let input = self.input;
        let held: BTreeSet<&Urn> = self.held.values().flatten().collect();
        let used = needed_by(held.iter().copied(), input.state);
        let why = if input.options.purpose == Purpose::Destroy { Why::Destroyed } else { Why::LeftProgram };
        let (mut steps, mut faults) = (Vec::new(), Vec::new());
        for instance in input.state.live.values() {
            let urn = &instance.urn;
            if self.stays(urn) || held.contains(urn) || !selection.includes(urn) {
                continue;
            }
            // When the program still names a resource, its retention is what the program says now; its protection is also what a
            // person has put on it by hand.
            let node = input.graph.node(urn);
            let is_protected = instance.kept.protected || node.is_some_and(|node| node.draft.options.protected);
            let retained = node.map_or(instance.kept.retained, |node| node.draft.options.retained);
            let op = if retained { Op::Forget } else { Op::Delete };
            let mut step = removal(instance, op, why.clone());
            step.kept.protected = is_protected;
            if is_protected && op == Op::Delete {
                faults.push(protected(&step, "deleted"));
            }
            steps.push(step);
        }
        let condemned = input.state.condemned.values();
        let condemned = condemned.filter(|instance| selection.includes(&instance.urn) && !used.contains(&instance.urn));
        steps.extend(condemned.map(|instance| {
            let op = if instance.kept.retained { Op::Forget } else { Op::Delete };
            removal(instance, op, Why::Condemned)
        }));
        faults.extend(self.strangers(&steps));
        (steps, faults)
    }

    /// Objects of providers that nobody names can't be deleted.
    fn strangers(&self, steps: &[Step]) -> Vec<Fault> {
        let handles = self.input.graph.handles.iter().map(|handle| handle.spec.name);
        let known: HashSet<&str> = handles.chain(self.input.providers.iter().map(|spec| spec.name)).collect();
        let mut strange: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
        for step in steps.iter().filter(|step| step.op == Op::Delete) {
            if !known.contains(step.urn.provider()) {
                strange.entry(step.urn.provider()).or_default().push(step);
            }
        }
        let fault = |(name, steps): (&str, Vec<&Step>)| {
            let error = missing(name);
            let fault = Fault::new(error.documented_as().unwrap_or_default(), error.to_string());
            let fault = fault.help(error.hint().unwrap_or_default());
            steps.iter().take(SITES_MAX).fold(fault, |fault, step| fault.at(&step.site))
        };
        strange.into_iter().map(fault).collect()
    }

    /// The parts of the program that wait for values, each with what it holds back.
    pub(crate) fn waiting(&self, facts: &Facts) -> Vec<Waiting> {
        if self.input.options.purpose == Purpose::Destroy {
            return Vec::new();
        }
        let waiting = |expansion: &Expansion| Waiting {
            scope: expansion.scope.clone(),
            on: expansion.waits.sources().iter().filter(|urn| !facts.is_complete(urn)).cloned().collect(),
            held: self.held.get(expansion.scope.as_str()).into_iter().flatten().cloned().collect(),
            site: expansion.site.to_string(),
        };
        self.input.graph.expansions.iter().map(waiting).collect()
    }
}

/// A fault names at most so many declarations.
const SITES_MAX: usize = 3;

/// What held resources use: it is not deleted before the program has said what becomes of them.
pub(crate) fn in_use(plan: &Plan, state: &State) -> BTreeSet<Urn> {
    needed_by(plan.waiting.iter().flat_map(|waiting| &waiting.held), state)
}

fn needed_by<'u>(users: impl Iterator<Item = &'u Urn>, state: &State) -> BTreeSet<Urn> {
    users.filter_map(|urn| state.live.get(urn)).flat_map(|instance| instance.dependencies.iter().cloned()).collect()
}

/// The refusal to take away a protected resource.
pub(crate) fn protected(step: &Step, fate: &str) -> Fault {
    let message = format!("`{}` ({}) is protected and would be {fate}", step.urn.label(), step.urn.kind());
    let help = "take `.protected()` out of the program, or run `state unprotect`, then try again";
    Fault::new("T0301", message).help(help).at(&step.site)
}

fn removal(instance: &Arc<Instance>, op: Op, why: Why) -> Step {
    Step {
        urn: instance.urn.clone(),
        op,
        uncertain: false,
        site: instance.site.clone(),
        target: Some(instance.op.clone()),
        moved_from: None,
        import: None,
        inputs: terrane_core::Properties::default(),
        unknown: BTreeMap::new(),
        changes: Vec::new(),
        why: vec![why],
        dependencies: instance.dependencies.clone(),
        displaces: BTreeSet::new(),
        kept: instance.kept.clone(),
        noted: false,
    }
}
