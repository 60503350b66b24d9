//! `state show`: one resource as state has it.

use super::{known_state, named_or_condemned};
use crate::{
    context::Context,
    error::{Error, Result},
    json::mask,
    project::Project,
    render::{Line, Text, Tone, units, value},
};
use terrane_core::state::Instance;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its label or URN
    resource: String,
    /// Print secrets
    #[arg(long)]
    show_secrets: bool,
}

pub(super) async fn run(context: &Context, project: &Project, arguments: &Args) -> Result<()> {
    let state = known_state(project).await?;
    let mut instance = Instance::clone(named_or_condemned(&state, &arguments.resource)?.1);
    if !arguments.show_secrets {
        let Ok(()) = instance.visit_secrets(&mut mask);
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_secret_of_a_resource_is_told_unasked() {
        let secret = |name: &str| json!({"values": {name: "hunter2"}, "secret": [name]});
        let mut instance: Instance = serde_json::from_value(json!({
            "urn": "dev/shop/demo:Thing/a", "op": "x", "provider": "demo", "inputs": secret("password"),
            "outputs": secret("token"), "kept": {"trigger": {"secret_digest": "hunter2"}}, "created_ms": 0, "modified_ms": 0,
        }))
        .unwrap();
        let Ok(()) = instance.visit_secrets(&mut mask);
        let told = serde_json::to_string(&instance).unwrap();
        assert_eq!((told.matches("hunter2").count(), told.matches("[secret]").count()), (0, 3), "{told}");
    }
}
