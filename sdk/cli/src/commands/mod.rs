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

use crate::{context::Context, error::Result, exit::Exit};

/// The commands of every program.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make the stack what the program says
    Up(up::Args),
    /// Show what `up` would do
    Preview(preview::Args),
    /// Delete everything in the stack
    Destroy(destroy::Args),
    /// Look at every real object, and let state follow
    Refresh(refresh::Args),
    /// Adopt an existing object for a resource of the program
    Import(import::Args),
    /// Stacks: list, make, select, remove; outputs, history, graph
    #[command(subcommand)]
    Stack(stack::Command),
    /// What is in state, resource by resource
    #[command(subcommand)]
    State(state::Command),
    /// The configuration of the stack
    #[command(subcommand)]
    Config(config::Command),
    /// Who can read the stack's secrets
    #[command(subcommand)]
    Secrets(secrets::Command),
    /// Versions, places, providers and their kinds
    About,
    /// A completion script for a shell
    Completions(completions::Args),
    /// A provider's own command: `<provider> <command> …`
    #[command(external_subcommand)]
    Provider(Vec<String>),
}

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
        Command::Completions(arguments) => completions::run(context, &arguments)?,
        Command::Provider(words) => return Ok(Ending::Call(provider::find(context, &words).await?)),
    };
    Ok(Ending::Exit(exit))
}
