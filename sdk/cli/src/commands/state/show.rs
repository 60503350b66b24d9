//! `state show`: one resource as state has it.

use super::{known_state, named};
use crate::{
    context::Context,
    error::{Error, Result},
    json::mask,
    project::Project,
    render::{Line, Text, Tone, units, value},
};
use terrane_core::state::Instance;

pub(super) async fn run(context: &Context, project: &Project, resource: &str, secrets: bool) -> Result<()> {
    let state = known_state(project).await?;
    let mut instance = Instance::clone(named(&state, resource)?);
    if !secrets {
        for properties in [&mut instance.inputs, &mut instance.outputs] {
            let Ok(()) = mask("", properties);
        }
    }
    if context.globals.json {
        let line = serde_json::to_string(&instance).map_err(|error| Error::failed(error.to_string()))?;
        return context.terminal.out_line(line);
    }
    context.terminal.out(text(&instance))
}

fn text(instance: &Instance) -> Text {
    let mut text = Text::new();
    let urn = &instance.urn;
    text.line(Line::new().with(Tone::Strong, urn.label()).with(Tone::Dim, format!("   {}", urn.kind())));
    let mut row = |name: &str, value: &str| {
        if !value.is_empty() {
            text.line(Line::plain("  ").with(Tone::Dim, name).pad(16).add(value));
        }
    };
    row("urn", urn.as_str());
    row("operation", instance.op.as_str());
    row("declared", &instance.site);
    row("made", &units::moment(instance.created_ms));
    row("changed", &units::moment(instance.modified_ms));
    row("protected", if instance.kept.protected { "yes" } else { "" });
    row("unsettled", if instance.unsettled { "yes: its last create or update did not come to its end" } else { "" });
    let dependencies: Vec<String> = instance.dependencies.iter().map(terrane_core::Urn::label).collect();
    row("depends on", &dependencies.join(", "));
    for (title, properties) in [("inputs", &instance.inputs), ("outputs", &instance.outputs)] {
        if !properties.is_empty() {
            text.line(Line::plain("  ").with(Tone::Dim, title));
        }
        for (name, value) in properties.values.iter() {
            text.line(Line::plain(format!("    {name}: {}", value::brief(value))));
        }
    }
    text
}
