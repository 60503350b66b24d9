//! A resource's inputs at a given moment: what is known, what is awaited, what is wrong.

use crate::panics::catch;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use terrane_core::{
    Facts, Fault, Output, Problems, Unresolved,
    graph::Node,
    kind::Problem,
    secret::remember,
    state::{Instance, Kept},
};

/// The inputs of one resource.
pub(crate) struct Resolved {
    /// The values that are known, in canonical form, defaults filled in.
    pub known: Map<String, Value>,
    /// The inputs that must not be shown.
    pub secret: BTreeSet<String>,
    /// The inputs that are awaited.
    pub unknown: BTreeMap<String, Unresolved>,
    /// What is wrong with them.
    pub problems: Vec<Problem>,
}

impl Resolved {
    /// The problems as faults of the resource.
    pub(crate) fn faults(&self, node: &Node) -> Vec<Fault> {
        let fault = |problem: &Problem| {
            Fault::new("T0201", format!("{} `{}`: {problem}", node.spec.kind, node.urn.label())).at(node.site)
        };
        self.problems.iter().map(fault).collect()
    }
}

/// Resolves the inputs of a resource; `old` is its object in state, if it has one.
pub(crate) fn resolve(node: &Node, old: Option<&Instance>, facts: &Facts) -> Resolved {
    let (mut known, mut unknown, mut problems) = (Map::new(), BTreeMap::new(), Vec::new());
    // The kind's own secrets stay secret also where their value is the default.
    let mut secret: BTreeSet<String> = node.spec.secret_inputs().collect();
    for (name, output) in node.draft.fields.iter() {
        if output.is_secret() {
            secret.insert(name.to_owned());
        }
        match value_of(output, facts) {
            Ok(Value::Null) => {}
            Ok(value) => drop(known.insert(name.to_owned(), value)),
            Err(Unresolved::Invalid(why)) => {
                problems.push(Problem { path: name.to_owned(), message: format!("has no value: {why}") });
            }
            Err(waits) => drop(unknown.insert(name.to_owned(), waits)),
        }
    }
    // Who finds something wrong with them may quote them.
    secret.iter().filter_map(|name| known.get(name)).for_each(remember);
    if let Some(old) = old {
        for path in &node.draft.options.ignoring {
            ignore(&mut known, &mut unknown, &old.inputs.values, path);
            // What is taken from state is as secret as it is there.
            let name = path.split('.').next().unwrap_or_default();
            secret.extend(old.inputs.secret.get(name).cloned());
        }
    }
    let mut resolved = Resolved { known, secret, unknown, problems };
    if resolved.problems.is_empty() {
        canonical(node, old, &mut resolved);
    }
    resolved
}

/// The value of an output; a panic in the program's own closures is a problem of the value.
fn value_of(output: &Output<Value>, facts: &Facts) -> Result<Value, Unresolved> {
    let resolved = catch(|| output.resolve(facts));
    resolved.unwrap_or_else(|panic| Err(Unresolved::Invalid(format!("the program panicked{panic}"))))
}

/// What `.replaced_when(..)` says at a given moment.
pub(crate) struct Trigger {
    /// What state keeps of it: the value; of a secret one a digest, which is sealed with the other secrets.
    pub kept: Value,
    /// Whether it is another value than the one that replaced the resource last.
    pub differs: bool,
}

/// The value that replaces the resource when it changes; `old` is its object in state, if it has one.
pub(crate) fn trigger(node: &Node, old: Option<&Instance>, facts: &Facts) -> Option<Result<Trigger, Unresolved>> {
    let output = node.draft.options.replaced_when.as_ref()?;
    let trigger = |value: Value| {
        let digest = |text: String| {
            let hash = Sha256::digest(text);
            Kept::secret_trigger(hash.iter().map(|byte| format!("{byte:02x}")).collect())
        };
        let differs = |value: &Value| old.is_some_and(|old| old.kept.differs_in_trigger(value));
        if !output.is_secret() {
            return Trigger { differs: differs(&value), kept: value };
        }
        // The name went into the digest once, so that another name made another value of it.
        let former = |old: &Instance| digest(format!("{}\n{value}", old.urn));
        let kept = digest(value.to_string());
        let differs = differs(&kept) && old.is_some_and(|old| old.kept.differs_in_trigger(&former(old)));
        Trigger { kept, differs }
    };
    Some(value_of(output, facts).map(trigger))
}

/// The outputs that must not be shown: those that the kind and those that the program says.
pub(crate) fn secret_outputs(node: &Node) -> BTreeSet<String> {
    node.spec.secret_outputs().chain(node.draft.options.secret_outputs.iter().cloned()).collect()
}

/// Checks the inputs and brings them into the form that the kind itself would write. Awaited inputs are stood in for by those of state, so
/// that the rest is compared like with like; without a stand-in the check waits, too.
fn canonical(node: &Node, old: Option<&Instance>, resolved: &mut Resolved) {
    let mut whole = resolved.known.clone();
    for name in resolved.unknown.keys() {
        match old.and_then(|old| old.inputs.get(name)) {
            Some(value) => drop(whole.insert(name.clone(), value.clone())),
            None if node.spec.input(name).is_some_and(|field| field.required) => {
                return node.spec.complete(&mut resolved.known);
            }
            None => {}
        }
    }
    let mut problems = Problems::default();
    let checked = (node.spec.check)(whole, &mut problems);
    let problems = problems.into_vec();
    // What is said about a stand-in is not said about the program.
    let about_known = |problem: &Problem| !resolved.unknown.keys().any(|name| problem.path.starts_with(name.as_str()));
    resolved.problems = problems.into_iter().filter(about_known).collect();
    if let Some(mut checked) = checked {
        checked.retain(|name, _| !resolved.unknown.contains_key(name));
        resolved.known = checked;
    }
}

/// Takes what state says at a dotted path instead of what the program says.
fn ignore(
    known: &mut Map<String, Value>,
    unknown: &mut BTreeMap<String, Unresolved>,
    old: &Map<String, Value>,
    path: &str,
) {
    let (name, rest) = path.split_once('.').unwrap_or((path, ""));
    if rest.is_empty() {
        unknown.remove(name);
        match old.get(name) {
            Some(value) => drop(known.insert(name.to_owned(), value.clone())),
            None => drop(known.remove(name)),
        }
    } else if let (Some(Value::Object(new)), Some(Value::Object(old))) = (known.get_mut(name), old.get(name)) {
        ignore(new, unknown, old, rest);
    }
}
