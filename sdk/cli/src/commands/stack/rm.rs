//! `stack rm`: remove a stack's state and history, or what is left of a stack under a name that it had.

use crate::{
    commands::{
        apply::until_free,
        ask::{Consent, confirm},
    },
    context::Context,
    error::{Error, Result},
    project::Project,
    render::units::count,
};
use terrane_state::{Error as StateError, Holder};

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name
    name: String,
    /// Even when it has resources: the real objects stay, and nobody knows of them any more
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    consent: Consent,
}

pub(super) async fn run(context: &Context, project: &Project, arguments: &Args) -> Result<()> {
    let name = arguments.name.as_str();
    let forgets = forgets(project, arguments).await?;
    confirm(context, &format!("Remove stack `{name}`{forgets}, with its history?"), arguments.consent).await?;
    until_free(context, &project.on_stack(name)?).await?;
    project.store.remove(&project.name, name, &Holder::current()).await?;
    project.unselect(name)?;
    context.terminal.say(format_args!("Removed stack `{name}`.\n"));
    Ok(())
}

/// What nobody knows of any more without the stack, in words.
async fn forgets(project: &Project, Args { name, force, .. }: &Args) -> Result<String> {
    let forgetting = "--force forgets them: the real objects stay, and nobody knows of them any more";
    let state = match project.store.read(&project.name, name).await {
        Ok(Some(state)) => state,
        Ok(None) => return Err(Error::no_stack(name, &project.stacks().await?)),
        // What is to go needn't be read.
        Err(StateError::Secret(_)) if *force => return Ok(" and forget what is in it, which can't be read".to_owned()),
        Err(error @ StateError::Secret(_)) => return Err(Error::from(error).hint(forgetting)),
        Err(error) => return Err(error.into()),
    };
    let number = state.instances().count() + state.pending.len();
    let resources = count(number, "resource");
    match (number, force) {
        (0, _) => Ok(String::new()),
        (_, true) => Ok(format!(" and forget {resources}")),
        (_, false) => Err(Error::refused(format!("stack `{name}` still has {resources}"))
            .hint(format!("`destroy --stack {name}` deletes them"))
            .hint(forgetting)),
    }
}
