//! The cloud against the state: who may call, what may exist, and what it all looks like apart from ids.

use super::{Breach, Invariant, breach, is_create, ledger::Ledger};
use crate::{
    cloud::{Cloud, Habit, Object, Verb},
    scheduler::Pid,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use terrane_core::{
    OpId,
    state::{Action, Intent},
};

/// Whether a request that changes something may reach the cloud now.
pub(super) fn may_call(ledger: &Ledger, pid: Pid, verb: Verb, op: &str, urn: &str) -> Result<(), Breach> {
    let state = ledger.current();
    let concerns = |intent: &&Intent| {
        // What is gone has no maker any more, and nothing can happen to it. A stranger's object is looked after elsewhere.
        let is_gone = !is_create(verb) && op.is_empty();
        is_gone || intent.op.as_str() == op || intent.target.as_ref().is_some_and(|target| target.as_str() == op)
    };
    let what = || format!("{} {urn}", verb.word());
    let Some(intent) = state.pending.values().find(concerns) else {
        return breach(Invariant::I6, format!("{} has no durable intent (operation {op:?})", what()));
    };
    if is_create(verb) && intent.op.as_str() != op {
        return breach(Invariant::I6, format!("{} has another operation than its intent", what()));
    }
    if ledger.holder() != Some(pid) {
        return breach(Invariant::I6, format!("{} begins although the process doesn't hold the stack", what()));
    }
    let open = |dependency: &&terrane_core::Urn| {
        let makes = |other: &Intent| other.urn == **dependency && other.action != Action::Delete;
        state.pending.values().any(makes)
    };
    match intent.dependencies.iter().find(open) {
        Some(dependency) => {
            breach(Invariant::I6, format!("{} begins before {} is durable", what(), dependency.label()))
        }
        None => Ok(()),
    }
}

/// Every object that a stack made is known to its state.
pub(super) fn no_orphans(ledger: &Ledger, cloud: &Cloud) -> Result<(), Breach> {
    let state = ledger.current();
    let known: BTreeSet<&str> =
        state.instances().map(|instance| instance.op.as_str()).chain(state.pending.keys().map(OpId::as_str)).collect();
    let objects = cloud.objects();
    let orphan =
        objects.iter().find(|object| object.maker.as_ref().is_some_and(|maker| !known.contains(maker.op.as_str())));
    match orphan {
        Some(Object { id, maker: Some(maker), .. }) => breach(
            Invariant::I8,
            format!("{id} was made for {} by operation {} and is in no state", maker.urn, maker.op),
        ),
        _ => Ok(()),
    }
}

/// No operation has made two objects.
pub(super) fn no_twins(cloud: &Cloud) -> Result<(), Breach> {
    match cloud.duplicates().first() {
        Some((mark, ids)) => breach(Invariant::I10, format!("{} are all objects of {}", ids.join(", "), mark.urn)),
        None => Ok(()),
    }
}

/// Every resource in the state exists, and is the stack's own.
pub(super) fn all_exist(ledger: &Ledger, cloud: &Cloud) -> Result<(), Breach> {
    let objects: HashMap<String, Object> =
        cloud.objects().into_iter().map(|object| (object.id.clone(), object)).collect();
    for instance in ledger.current().instances() {
        let id = instance.outputs.get("id").and_then(|id| id.as_str()).unwrap_or_default();
        let urn = &instance.urn;
        match objects.get(id) {
            None => return breach(Invariant::I9, format!("{urn} is in state as {id:?}, which doesn't exist")),
            Some(object) if object.maker.as_ref().is_none_or(|maker| maker.op != instance.op.as_str()) => {
                return breach(Invariant::I9, format!("{urn} is in state as {id:?}, which another operation made"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The cloud apart from ids: what each resource's objects look like.
pub type Canonical = BTreeMap<String, Vec<(Habit, String, String, Option<String>, Vec<String>)>>;

/// What the cloud looks like apart from ids; objects of strangers are counted under an empty name.
pub fn canonical(cloud: &Cloud) -> Canonical {
    let objects = cloud.objects();
    // An object that was renamed keeps the tags of its create: its name is what it is called now.
    let name_of = |object: &Object| match &object.maker {
        Some(_) => format!("{}/{}", object.habit.kind(), object.fields.name),
        None => String::new(),
    };
    let names: HashMap<&str, String> =
        objects.iter().map(|object| (object.id.as_str(), object.fields.name.clone())).collect();
    let named = |text: &str| names.get(text).cloned().unwrap_or_else(|| text.to_owned());
    let mut canonical = Canonical::new();
    for object in &objects {
        let fields = &object.fields;
        let value: Vec<String> = fields.value.split(' ').map(named).collect();
        let upstream = fields.upstream.iter().map(|id| named(id)).collect();
        let look = (object.habit, fields.name.clone(), value.join(" "), fields.shape.clone(), upstream);
        canonical.entry(name_of(object)).or_default().push(look);
    }
    canonical.values_mut().for_each(|looks| looks.sort());
    canonical
}
