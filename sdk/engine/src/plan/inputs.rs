//! A resource's inputs at a given moment: what is known, what is awaited, what is wrong.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use terrane_core::{
    Facts, Fault, Problems, Unresolved,
    graph::Node,
    kind::Problem,
    state::Instance,
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
    let (mut known, mut secret, mut unknown, mut problems) = (Map::new(), BTreeSet::new(), BTreeMap::new(), Vec::new());
    for (name, output) in &node.draft.fields {
        if output.is_secret() {
            secret.insert((*name).to_owned());
        }
        match output.resolve(facts) {
            Ok(Value::Null) => {}
            Ok(value) => drop(known.insert((*name).to_owned(), value)),
            Err(Unresolved::Invalid(message)) => problems.push(Problem { path: (*name).to_owned(), message }),
            Err(waits) => drop(unknown.insert((*name).to_owned(), waits)),
        }
    }
    if let Some(old) = old {
        for path in &node.draft.options.ignoring {
            ignore(&mut known, &mut unknown, &old.inputs.values, path);
        }
    }
    let mut resolved = Resolved { known, secret, unknown, problems };
    if resolved.problems.is_empty() {
        canonical(node, old, &mut resolved);
    }
    resolved
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
fn ignore(known: &mut Map<String, Value>, unknown: &mut BTreeMap<String, Unresolved>, old: &Map<String, Value>, path: &str) {
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
