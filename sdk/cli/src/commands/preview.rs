//! `preview`: show what `up` would do.

use super::{planning, saved};
use crate::{
    context::Context,
    error::Result,
    exit::Exit,
    render::{Line, Tone},
};
use std::path::PathBuf;
use terrane_core::plan::Purpose;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    planning: planning::Flags,
    /// Replace these although nothing about them has changed
    #[arg(long, env = "TERRANE_REPLACE", hide_env = true, value_delimiter = ',', value_name = "RESOURCE")]
    replace: Vec<String>,
    /// Write the plan to a file, for `up --plan`
    #[arg(long, env = "TERRANE_SAVE", hide_env = true, value_name = "FILE")]
    save: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, arguments: &Args) -> Result<Exit> {
    let project = context.project()?;
    planning::known_stack(&project).await?;
    let session = project.session();
    let mut options = planning::options(Purpose::Up, &arguments.planning)?;
    options.replace.clone_from(&arguments.replace);
    let planned = planning::plan(context, &project, &session, &options).await?;
    if !planned.planned.state.moves.is_empty() {
        let line = Line::new().with(Tone::Warning, "note: ").add("a move to or from another stack was cut off");
        context.terminal.say(format_args!("{line}: `up` finishes it first, and plans from what there is then\n"));
    }
    planning::show(context, &project, &planned, &arguments.planning)?;
    planning::check(&planned.planned.plan, &arguments.planning)?;
    if let Some(path) = &arguments.save {
        saved::write(path, &project, planned.planned.plan.clone()).await?;
        context.terminal.say(format_args!("saved to {}; `up --plan {0}` carries out exactly this\n", path.display()));
    }
    planning::expected(context, &planned.planned, &arguments.planning)
}
