//! `secrets rm-recipient`: one way to the key less.

use super::{change, known_keys};
use crate::{context::Context, error::Result, project::Project};
use terrane_state::secrets::KeyChange;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// As `secrets ls` lists it
    pub(super) recipient: String,
}

pub(super) async fn run(context: &Context, project: &Project, name: &str) -> Result<()> {
    known_keys(project).await?;
    change(context, project, "secrets rm-recipient", &KeyChange::Remove(name.to_owned())).await?;
    context.terminal.say(format_args!(
        "The key of stack `{}` is not kept for {name} any more. Who has had it still has it: `secrets rotate` makes a new one.\n",
        project.stack
    ));
    Ok(())
}
