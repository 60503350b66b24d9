//! `stack graph`: the resources and what each depends on, in Graphviz's language.

use crate::{commands::state::known_state, context::Context, error::Result, project::Project};
use terrane_core::State;

pub(super) async fn run(context: &Context, project: &Project) -> Result<()> {
    let state = known_state(project).await?;
    context.terminal.out(dot(&project.stack, &state))
}

fn dot(stack: &str, state: &State) -> String {
    let mut text = format!("digraph {} {{\n  rankdir = LR;\n  node [shape = box];\n", quoted(stack));
    for (urn, instance) in &state.live {
        let label = quoted(&format!("{}\n{}", urn.label(), urn.kind()));
        text += &format!("  {} [label = {label}];\n", quoted(urn.as_str()));
        for dependency in &instance.dependencies {
            text += &format!("  {} -> {};\n", quoted(urn.as_str()), quoted(dependency.as_str()));
        }
    }
    text + "}\n"
}

fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}
