//! `stack rm`: remove a stack's state and history.

use crate::{
    commands::ask::confirm,
    context::Context,
    error::{Error, Result},
    exit::Exit,
    project::Project,
    render::units::count,
};
use terrane_state::Holder;

pub(super) struct Flags {
    pub(super) force: bool,
    pub(super) yes: bool,
}

pub(super) async fn run(context: &Context, project: &Project, name: &str, flags: Flags) -> Result<Exit> {
    let Some(state) = project.store.read(&project.name, name).await? else {
        let stacks = project.stacks().await?;
        return Err(Error::usage(format!("there is no stack `{name}`")).nearest(name, &stacks));
    };
    let resources = count(state.instances().count() + state.pending.len(), "resource");
    let is_empty = state.instances().next().is_none() && state.pending.is_empty();
    if !is_empty && !flags.force {
        return Err(Error::refused(format!("stack `{name}` still has {resources}"))
            .hint(format!("`destroy --stack {name}` deletes them"))
            .hint("--force forgets them: the real objects stay, and nobody knows of them any more"));
    }
    let forgets = if is_empty { String::new() } else { format!(" and forget {resources}") };
    if !confirm(context, &format!("Remove stack `{name}`{forgets}, with its history?"), flags.yes).await? {
        context.terminal.say("Nothing was changed.\n");
        return Ok(Exit::Failed);
    }
    let progress = context.progress();
    context.or_interrupted(project.on_stack(name)?.until_free(progress.events())).await?;
    drop(progress);
    project.store.remove(&project.name, name, &Holder::current()).await?;
    project.unselect(name)?;
    context.terminal.say(format_args!("Removed stack `{name}`.\n"));
    Ok(Exit::Done)
}
