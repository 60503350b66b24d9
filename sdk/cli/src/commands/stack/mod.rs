//! `stack …`: one file each.

mod export;
mod graph;
mod history;
mod init;
mod ls;
mod output;
mod rename;
mod rm;
mod rollback;
mod select;

pub(super) use rollback::past;

use crate::{context::Context, error::Result, exit::Exit, project::Project};
use terrane_core::State;

/// What can be done with stacks.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the project's stacks
    Ls,
    /// Make a stack, and select it
    Init(init::Args),
    /// Select the stack that commands work on
    Select(select::Args),
    /// Remove a stack's state and history
    Rm(rm::Args),
    /// Print what the stack exports, or one export
    Output(output::Args),
    /// Print the whole state as JSON
    Export(export::Args),
    /// List the runs, and the restore points that are kept
    History,
    /// Put state back to a restore point; no real object is touched until the next `up`
    Rollback(rollback::Args),
    /// Give a stack another name
    Rename(rename::Args),
    /// Print the resources and their dependencies, for Graphviz
    Graph,
}

pub(super) async fn run(context: &Context, command: Command) -> Result<Exit> {
    let project = context.project()?;
    match command {
        Command::Ls => ls::run(context, &project).await?,
        Command::Init(arguments) => init::run(context, &project, &arguments).await?,
        Command::Select(arguments) => select::run(context, &project, &arguments).await?,
        Command::Rm(arguments) => rm::run(context, &project, &arguments).await?,
        Command::Output(arguments) => output::run(context, &project, &arguments).await?,
        Command::Export(arguments) => export::run(context, &project, &arguments).await?,
        Command::History => history::run(context, &project).await?,
        Command::Rollback(arguments) => rollback::run(context, &project, &arguments).await?,
        Command::Rename(arguments) => rename::run(context, &project, &arguments).await?,
        Command::Graph => graph::run(context, &project).await?,
    }
    Ok(Exit::Done)
}

/// The name that a stack has now, where all that is left of it under an old one is to say so. A stack that can't be read has none.
async fn renamed_to(project: &Project, name: &str) -> Option<String> {
    let state = project.store.read(&project.name, name).await.ok().flatten();
    state.as_ref().and_then(State::renamed_to).map(str::to_owned)
}
