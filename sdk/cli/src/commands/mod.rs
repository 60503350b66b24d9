//! The commands: one file each, in folders as on the command line.

mod about;
mod apply;
mod ask;
mod completions;
mod config;
mod destroy;
pub(crate) mod help;
mod import;
mod planning;
mod preview;
pub(crate) mod provider;
mod refresh;
mod saved;
mod secrets;
mod stack;
mod state;
mod up;

use crate::{arguments::Command, context::Context, error::Result, exit::Exit};

/// How a command ends.
pub(crate) enum Ending {
    /// With a status.
    Exit(Exit),
    /// With a provider's command, which is run outside of the runtime.
    Call(provider::Call),
}

/// Runs a command.
pub(crate) async fn run(context: &Context, command: Command) -> Result<Ending> {
    let exit = match command {
        Command::Up(arguments) => up::run(context, &arguments).await?,
        Command::Preview(arguments) => preview::run(context, &arguments).await?,
        Command::Destroy(arguments) => destroy::run(context, &arguments).await?,
        Command::Refresh(arguments) => refresh::run(context, &arguments).await?,
        Command::Import(arguments) => import::run(context, &arguments).await?,
        Command::Stack(arguments) => stack::run(context, arguments).await?,
        Command::State(arguments) => state::run(context, arguments).await?,
        Command::Config(arguments) => config::run(context, arguments).await?,
        Command::Secrets(arguments) => secrets::run(context, arguments).await?,
        Command::About => about::run(context).await?,
        Command::Completions { shell } => completions::run(context, shell)?,
        Command::Provider(words) => return Ok(Ending::Call(provider::find(context, &words).await?)),
    };
    Ok(Ending::Exit(exit))
}
