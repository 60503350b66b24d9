//! `stack export`: the whole state as JSON, for people and scripts to look at.

use crate::{
    commands::state::known_state,
    context::Context,
    error::{Error, Result},
    json::masked_state,
    project::Project,
};

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print secrets
    #[arg(long)]
    show_secrets: bool,
}

pub(super) async fn run(context: &Context, project: &Project, arguments: &Args) -> Result<()> {
    let state = known_state(project).await?;
    let state = if arguments.show_secrets { state } else { masked_state(state) };
    let text = if context.globals.json { serde_json::to_string(&state) } else { serde_json::to_string_pretty(&state) };
    context
        .terminal
        .out_line(text.map_err(|error| Error::failed(format!("could not write the state as JSON: {error}")))?)
}
