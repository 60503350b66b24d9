//! Physical names: two resources of a program must not be one object.

use super::Resolved;
use std::collections::HashMap;
use terrane_core::{
    Fault,
    graph::{Node, Site},
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
