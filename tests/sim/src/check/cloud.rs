//! The cloud against the state: who may call, what may exist, and what it all looks like apart from ids.

use super::{Breach, Invariant, breach, is_create, ledger::Ledger};
use crate::{
    cloud::{Call, Cloud, Habit, Object},
    scheduler::Pid,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};
use terrane_core::{
    OpId, State, Urn,
    state::{Action, Instance, Intent, Move},
};

/// Whether a request that changes something may reach the cloud now: one of the stacks has to allow it.
pub(super) fn may_call(ledgers: &[Ledger], pid: Pid, now_ms: u64, call: &Call<'_>) -> Result<(), Breach> {
    let mut refusals = Vec::new();
    for ledger in ledgers {
        match allows(ledger, pid, now_ms, call) {
            Ok(()) => return Ok(()),
            // What the stack has to say that the process works on counts.
            Err(refusal) if ledger.is_held_by(pid, now_ms) => refusals.insert(0, refusal),
            Err(refusal) => refusals.push(refusal),
        }
    }
    refusals.into_iter().next().map_or(Ok(()), Err)
}

fn allows(ledger: &Ledger, pid: Pid, now_ms: u64, call: &Call<'_>) -> Result<(), Breach> {
    let (state, Call { verb, op, id, urn, .. }) = (ledger.current(), *call);
    // What somebody else has made is known by its id.
    let has_id = |instance: &Arc<Instance>| !id.is_empty() && instance.outputs.get("id").is_some_and(|it| it == id);
    let concerns = |intent: &&Intent| {
        let target = intent.target.as_ref();
        // Of what was deleted by its name nothing is left to tell.
        let is_gone = !is_create(verb) && op.is_empty() && id.is_empty();
        is_gone
            || intent.op.as_str() == op
            || target.is_some_and(|target| target.as_str() == op)
            || target.and_then(|target| state.made_by(target)).is_some_and(has_id)
    };
    let what = || format!("{} {urn}", verb.word());
    let Some(intent) = state.pending.values().find(concerns) else {
        return breach(Invariant::I6, format!("{} has no durable intent (operation {op:?})", what()));
    };
    if is_create(verb) && intent.op.as_str() != op {
        return breach(Invariant::I6, format!("{} has another operation than its intent", what()));
    }
    if !ledger.is_held_by(pid, now_ms) {
        return breach(Invariant::I6, format!("{} begins although the process doesn't hold the stack", what()));
    }
    let open = |dependency: &&Urn| {
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

/// Every object that a stack made is known to a state, and no two states may work on it.
pub(super) fn no_orphans(ledgers: &[Ledger], cloud: &Cloud) -> Result<(), Breach> {
    let known: BTreeSet<&str> = ledgers.iter().flat_map(|ledger| known(ledger.current())).collect();
    let mut owned = BTreeSet::new();
    if let Some(op) = ledgers.iter().flat_map(|ledger| owned_by(ledger.current())).find(|op| !owned.insert(*op)) {
        return breach(Invariant::I8, format!("two stacks own what operation {op} made"));
    }
    let objects = cloud.objects();
    let is_orphan = |object: &&Object| object.maker.as_ref().is_some_and(|maker| !known.contains(maker.op.as_str()));
    match objects.iter().find(is_orphan) {
        Some(Object { id, maker: Some(maker), .. }) => breach(
            Invariant::I8,
            format!("{id} was made for {} by operation {} and is in no state", maker.urn, maker.op),
        ),
        _ => Ok(()),
    }
}

fn known(state: &State) -> impl Iterator<Item = &str> {
    state.instances().map(|instance| instance.op.as_str()).chain(state.pending.keys().map(OpId::as_str))
}

/// The operations whose objects a stack may work on: what is on its way to another is not its own any more once that has it, and is nobody's
/// before.
fn owned_by(state: &State) -> impl Iterator<Item = &str> {
    let leaving: BTreeSet<&Urn> = state.moves.values().flat_map(leaving).collect();
    state.instances().filter(move |instance| !leaving.contains(&instance.urn)).map(|instance| instance.op.as_str())
}

fn leaving(begun: &Move) -> Box<dyn Iterator<Item = &Urn> + '_> {
    match begun {
        Move::Leaving { urns, .. } => Box::new(urns.keys()),
        _ => Box::new(std::iter::empty()),
    }
}

/// The ids of objects that are in a state.
pub(super) fn ids(ledger: &Ledger) -> BTreeSet<String> {
    ledger.current().instances().map(|instance| id_of(instance).to_owned()).collect()
}

fn id_of(instance: &Instance) -> &str {
    instance.outputs.get("id").and_then(Value::as_str).unwrap_or_default()
}

/// No operation has made two objects.
pub(super) fn no_twins(cloud: &Cloud) -> Result<(), Breach> {
    match cloud.duplicates().first() {
        Some((mark, ids)) => breach(Invariant::I10, format!("{} are all objects of {}", ids.join(", "), mark.urn)),
        None => Ok(()),
    }
}

/// Every resource in the state exists, and is the stack's own.
pub(super) fn all_exist(ledger: &Ledger, ledgers: &[Ledger], cloud: &Cloud) -> Result<(), Breach> {
    let is_imported = |op: &OpId| ledgers.iter().any(|ledger| ledger.has_imported(op));
    let objects: HashMap<String, Object> =
        cloud.objects().into_iter().map(|object| (object.id.clone(), object)).collect();
    for instance in ledger.current().instances() {
        let (id, urn) = (id_of(instance), &instance.urn);
        match objects.get(id) {
            None => return breach(Invariant::I9, format!("{urn} is in state as {id:?}, which doesn't exist")),
            Some(Object { maker: Some(maker), .. }) if maker.op == instance.op.as_str() => {}
            Some(Object { maker: None, .. }) if is_imported(&instance.op) => {}
            Some(_) => {
                return breach(Invariant::I9, format!("{urn} is in state as {id:?}, which another operation made"));
            }
        }
    }
    Ok(())
}

/// The cloud apart from ids: what each resource's objects look like.
pub type Canonical = BTreeMap<String, Vec<(Habit, String, String, Option<String>, Vec<String>)>>;

/// What the cloud looks like apart from ids; objects of strangers, which no state has adopted, are counted under an empty name.
pub(super) fn canonical(cloud: &Cloud, adopted: &BTreeSet<String>) -> Canonical {
    let objects = cloud.objects();
    // An object that was renamed keeps the tags of its create: its name is what it is called now.
    let name_of = |object: &Object| match object.maker.is_some() || adopted.contains(&object.id) {
        true => format!("{}/{}", object.habit.kind(), object.fields.name),
        false => String::new(),
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
