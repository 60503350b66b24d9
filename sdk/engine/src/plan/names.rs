//! Physical names: two resources of a program must not be one object, and what gets a name waits for the object that has it to go.

use super::{Input, Resolved, object};
use serde_json::{Map, Value};
use std::collections::HashMap;
use terrane_core::{
    Fault, KindSpec, OpId,
    graph::{Node, Site},
    plan::{Op, Step},
};

/// The physical names that the program has given so far.
#[derive(Default)]
pub(crate) struct Names(HashMap<String, (String, Site)>);

impl Names {
    /// Takes a resource's physical name; the fault says who has it already.
    ///
    /// A name is unique among objects of a kind that agree in everything that can't change in place, such as their region: an input that
    /// is still awaited stands for itself.
    pub(crate) fn take(&mut self, node: &Node, resolved: &Resolved) -> Option<Fault> {
        if !node.spec.inputs.iter().any(|field| field.physical_name) {
            return None;
        }
        let mut identity = format!("{} {}", node.spec.kind, node.handle);
        let mut given = None;
        for field in node.spec.inputs.iter().filter(|field| field.physical_name || field.replace) {
            match (resolved.known.get(field.name), resolved.unknown.get(field.name)) {
                (Some(value), _) => {
                    identity.push_str(&format!("\n{}={value}", field.name));
                    given = given.or_else(|| field.physical_name.then(|| (field.name, value.clone())));
                }
                (None, Some(awaited)) => identity.push_str(&format!("\n{}: {awaited}", field.name)),
                (None, None) => {}
            }
        }
        let (name, value) = given?;
        let (other, site) = self.0.insert(identity, (node.urn.label(), node.site))?;
        let message = format!(
            "{} `{other}` and `{}` are the same object: both have `{name}` {value}",
            node.spec.kind,
            node.urn.label()
        );
        let fault = Fault::new("T0106", message)
            .help("give one of them another name, or declare the object once and pass it on");
        Some(fault.at(site).at(node.site))
    }
}

/// Lets each object that gets a physical name wait for the stack's own objects that have it and are deleted in the same plan, or were to be
/// deleted in an earlier one. Names are compared alone: objects elsewhere that have the same one are only deleted a little earlier.
pub(crate) fn hand_over(steps: &mut [Step], input: &Input<'_>) {
    let mut leaving: HashMap<(&str, &str, String), Vec<OpId>> = HashMap::new();
    let goes = |step: &&Step| matches!(step.op, Op::Delete | Op::Replace { .. });
    for instance in steps.iter().filter(goes).filter_map(|step| object(step, input.state)) {
        for name in input.spec(instance.urn.kind()).into_iter().flat_map(|spec| given(spec, &instance.inputs.values)) {
            leaving.entry(name).or_default().push(instance.op.clone());
        }
    }
    if leaving.is_empty() {
        return;
    }
    let comes = |step: &&mut Step| matches!(step.op, Op::Create | Op::Update | Op::Replace { .. });
    for step in steps.iter_mut().filter(comes) {
        let names = input.spec(step.urn.kind()).into_iter().flat_map(|spec| given(spec, &step.inputs.values));
        let rivals = names.filter_map(|name| leaving.get(&name)).flatten();
        step.displaces = rivals.filter(|rival| step.target.as_ref() != Some(*rival)).cloned().collect();
    }
}

/// The physical names among inputs.
fn given<'i>(
    spec: &'static KindSpec,
    inputs: &'i Map<String, Value>,
) -> impl Iterator<Item = (&'static str, &'static str, String)> + use<'i> {
    let fields = spec.inputs.iter().filter(|field| field.physical_name);
    fields.filter_map(|field| Some((spec.kind, field.name, inputs.get(field.name)?.to_string())))
}
