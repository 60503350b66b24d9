//! `about`: versions, places, providers and their kinds.

use crate::{
    context::Context,
    error::Result,
    exit::Exit,
    project::Project,
    render::{Line, Text, Tone},
};
use serde_json::json;
use std::collections::BTreeMap;
use terrane_core::ProviderSpec;

/// By provider, its kinds.
type Kinds = BTreeMap<&'static str, Vec<&'static str>>;

pub(super) async fn run(context: &Context) -> Result<Exit> {
    let project = context.project()?;
    // A program that fails still has a version and a place.
    let evaluated = project.session().evaluate().await;
    let mut specs: Vec<&'static ProviderSpec> = context.app.providers.clone();
    let problem = match &evaluated {
        Ok(stack) => {
            specs.extend(stack.graph().handles.iter().map(|handle| handle.spec));
            None
        }
        Err(error) => Some(error.to_string()),
    };
    let of = |spec: &&'static ProviderSpec| (spec.name, (spec.kinds)().iter().map(|kind| kind.kind).collect());
    let kinds: Kinds = specs.iter().map(of).collect();
    let files: Vec<String> = project.files.paths().iter().map(|path| path.display().to_string()).collect();
    if context.globals.json {
        let about = json!({
            "project": project.name, "version": context.app.version, "terrane": env!("CARGO_PKG_VERSION"),
            "stack": project.stack, "state": project.state, "configuration": files, "providers": kinds, "problem": problem,
        });
        context.terminal.out_line(about)?;
    } else {
        context.terminal.out(text(context, &project, &files, &kinds, problem))?;
    }
    Ok(Exit::Done)
}

fn text(context: &Context, project: &Project, files: &[String], kinds: &Kinds, problem: Option<String>) -> Text {
    let mut text = Text::new();
    let mut row = |name: &str, value: &str| {
        text.line(Line::new().with(Tone::Dim, name).pad(16).add(value));
    };
    row("program", &format!("{} {}", project.name, context.app.version));
    row("terrane", env!("CARGO_PKG_VERSION"));
    row("stack", &project.stack);
    row("state", &project.state);
    row("folder", &context.app.manifest_dir);
    row("configuration", &if files.is_empty() { "none".to_owned() } else { files.join(", ") });
    for (provider, kinds) in kinds {
        row(&format!("provider {provider}"), &kinds.join(", "));
    }
    if let Some(problem) = problem {
        text.line(Line::new().with(Tone::Warning, "warning").pad(16).add(problem));
    }
    text
}
