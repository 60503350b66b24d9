//! What leaves the stack: deletes, forgets, leftovers of replacements; and what is held back until a value is known.

use super::{Input, Selection};
use std::{collections::HashMap, sync::Arc};
use terrane_core::{
    Facts, Fault, Urn,
    plan::{Op, Purpose, Step, Waiting, Why},
    state::Instance,
};

/// The steps for everything in state that the program doesn't have, and why some of them are refused.
pub(crate) fn removals(input: &Input<'_>, selection: &Selection, moved: &HashMap<Urn, Urn>) -> (Vec<Step>, Vec<Fault>) {
    let destroys = input.options.purpose == Purpose::Destroy;
    let stays = |urn: &Urn| !destroys && (input.graph.index.contains_key(urn) || moved.values().any(|old| old == urn));
    let open: Vec<&str> = unexpanded(input).map(|expansion| expansion.scope.as_str()).collect();
    let held = |urn: &Urn| !destroys && open.iter().any(|scope| urn.is_within(scope));
    let (mut steps, mut faults) = (Vec::new(), Vec::new());
    for instance in input.state.live.values() {
        let urn = &instance.urn;
        if stays(urn) || held(urn) || !selection.includes(urn) {
            continue;
        }
        // When the program still names a resource, its protection and retention are what the program says now.
        let node = input.graph.node(urn);
        let protected = node.map_or(instance.kept.protected, |node| node.draft.options.protected);
        let retained = node.map_or(instance.kept.retained, |node| node.draft.options.retained);
        let op = if retained { Op::Forget } else { Op::Delete };
        let step = removal(instance, op, if destroys { Why::Destroyed } else { Why::LeftProgram });
        if protected && op == Op::Delete {
            faults.push(self::protected(&step, "deleted"));
        }
        steps.push(step);
    }
    let condemned = input.state.condemned.values().filter(|instance| selection.includes(&instance.urn));
    steps.extend(condemned.map(|instance| {
        let op = if instance.kept.retained { Op::Forget } else { Op::Delete };
        removal(instance, op, Why::Condemned)
    }));
    (steps, faults)
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
        unknown: std::collections::BTreeMap::new(),
        changes: Vec::new(),
        why: vec![why],
        dependencies: instance.dependencies.clone(),
        kept: instance.kept.clone(),
        noted: false,
    }
}

fn unexpanded<'a>(input: &Input<'a>) -> impl Iterator<Item = &'a terrane_core::graph::Expansion> {
    input.graph.expansions.iter()
}

/// The parts of the program that wait for values, each with what it holds back.
pub(crate) fn waiting(input: &Input<'_>, facts: &Facts) -> Vec<Waiting> {
    if input.options.purpose == Purpose::Destroy {
        return Vec::new();
    }
    let waiting = |expansion: &terrane_core::graph::Expansion| {
        let live = input.state.live.keys().filter(|urn| urn.is_within(&expansion.scope));
        Waiting {
            scope: expansion.scope.clone(),
            on: expansion.waits.sources().iter().filter(|urn| !facts.is_complete(urn)).cloned().collect(),
            held: live.cloned().collect(),
            site: expansion.site.to_string(),
        }
    };
    unexpanded(input).map(waiting).collect()
}
