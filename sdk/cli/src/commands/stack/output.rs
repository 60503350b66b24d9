//! `stack output`: what the stack exports.

use crate::{
    commands::state::known_state,
    context::Context,
    error::{Error, Result},
    project::Project,
    render::report,
};
use serde_json::Value;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// One export
    name: Option<String>,
    /// Print secrets
    #[arg(long)]
    show_secrets: bool,
}

pub(super) async fn run(context: &Context, project: &Project, arguments: &Args) -> Result<()> {
    let exports = known_state(project).await?.exports;
    let values = if arguments.show_secrets { (*exports.values).clone() } else { exports.masked() };
    let Some(name) = &arguments.name else {
        if context.globals.json {
            return context.terminal.out_line(Value::Object(values));
        }
        return context.terminal.out(report::exports(&exports, arguments.show_secrets));
    };
    match values.get(name) {
        // Bare text is what scripts want of one value.
        Some(Value::String(text)) if !context.globals.json => context.terminal.out_line(text),
        Some(value) => context.terminal.out_line(value),
        None => {
            let known: Vec<String> = values.keys().cloned().collect();
            Err(Error::usage(format!("stack `{}` exports no `{name}`", project.stack)).nearest(name, &known))
        }
    }
}
