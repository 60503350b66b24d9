//! The program that a state of the past stands for: each of its resources with the inputs that it had, on the provider settings that it had.

use std::{collections::BTreeMap, time::Duration};
use terrane_core::{
    Draft, Graph, KindSpec, OpId, Output, ProviderSpec, State, Urn,
    draft::Settings,
    graph::{Export, Handle, Node, Site},
    state::Instance,
};

/// The graph of a state of the past. What state doesn't keep of resources that the program of today still has is taken from it: declarations,
/// turns, and how they are treated. An object that `present` has under another name is the same one still.
///
/// # Errors
/// When the state has a resource of a provider or kind that this program doesn't know.
pub(crate) fn graph(
    past: &State,
    present: &State,
    program: Graph,
    specs: &[&'static ProviderSpec],
) -> Result<Graph, terrane_core::Error> {
    let site = program.handles.first().map_or(Site::caller(), |handle| handle.site);
    let mut graph = Graph { rollouts: program.rollouts, ..Graph::default() };
    let mut handles: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, provider) in &past.providers {
        let spec = specs.iter().find(|spec| spec.name == provider.name);
        let spec = *spec.ok_or_else(|| crate::plan::missing(&provider.name))?;
        handles.insert(key, graph.handles.len());
        let settings = Output::known(serde_json::Value::Object(provider.settings.clone()));
        graph.handles.push(Handle { spec, settings, site });
    }
    let names: BTreeMap<&OpId, &Urn> = present.live.values().map(|instance| (&instance.op, &instance.urn)).collect();
    let mut today: BTreeMap<Urn, Node> = program.nodes.into_iter().map(|node| (node.urn.clone(), node)).collect();
    for instance in past.live.values() {
        let spec = kind(&graph.handles, instance)?;
        let handle = handles.get(instance.provider.as_str()).copied().unwrap_or_default();
        let renamed = names.get(&instance.op).copied().filter(|urn| **urn != instance.urn);
        let node = today.remove(renamed.unwrap_or(&instance.urn));
        let (site, turn) = node.as_ref().map_or((site, None), |node| (node.site, node.turn));
        let options = node.map(|node| node.draft.options).unwrap_or_default();
        let mut draft = draft(past, instance, spec, options);
        draft.options.renamed_from = renamed.map(ToString::to_string).into_iter().collect();
        graph.index.insert(instance.urn.clone(), graph.nodes.len());
        graph.nodes.push(Node { urn: instance.urn.clone(), spec, handle, draft, site, turn });
    }
    for (name, value) in past.exports.values.iter() {
        let value = output(value, past.exports.is_secret(name));
        graph.exports.insert(name.clone(), Export { value, site });
    }
    Ok(graph)
}

fn kind(handles: &[Handle], instance: &Instance) -> Result<&'static KindSpec, terrane_core::Error> {
    let name = instance.urn.kind();
    let mut kinds = handles.iter().flat_map(|handle| (handle.spec.kinds)());
    kinds.find(|spec| spec.kind == name).ok_or_else(|| {
        terrane_core::Error::new(format!("{}: no provider has the kind `{name}` any more", instance.urn.label()))
            .code("T0303")
    })
}

/// An input that the kind has no more can't be brought back; what it has got since is at its default.
fn draft(past: &State, instance: &Instance, spec: &'static KindSpec, today: Settings) -> Draft {
    let mut draft = Draft::new(instance.urn.name());
    for field in spec.inputs {
        if let Some(value) = instance.inputs.get(field.name) {
            draft.fields.set(field.name, output(value, instance.inputs.is_secret(field.name)));
        }
    }
    let kept = &instance.kept;
    draft.options = Settings {
        protected: kept.protected,
        retained: kept.retained,
        after: instance.dependencies.iter().filter(|urn| past.live.contains_key(*urn)).cloned().collect(),
        timeout: kept.timeout_ms.map(Duration::from_millis),
        deleted_with: kept.deleted_with.clone(),
        replaced_when: kept.trigger.clone().map(Output::known),
        secret_outputs: instance.outputs.secret.iter().cloned().collect(),
        ignoring: today.ignoring,
        replacing_on: today.replacing_on,
        delete_before_replace: today.delete_before_replace,
        hiding_diff: today.hiding_diff,
        hooks: today.hooks,
        ..Settings::default()
    };
    draft
}

fn output(value: &serde_json::Value, secret: bool) -> Output<serde_json::Value> {
    let output = Output::known(value.clone());
    if secret { output.secret() } else { output }
}
