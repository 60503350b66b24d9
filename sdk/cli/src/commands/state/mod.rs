//! `state …`: one file each, and what they share.

mod aside;
mod doctor;
mod export;
mod foreign;
mod import;
mod ls;
mod mv;
pub(super) mod open;
mod protect;
mod recover;
mod rename;
mod repair;
pub(super) mod restore;
mod rm;
mod show;
mod unlock;

use crate::{
    arguments::State as Command,
    context::Context,
    error::{Error, Result},
    exit::Exit,
    project::Project,
};
use std::sync::Arc;
use terrane_core::{Record, State, Urn, state::Instance};
use terrane_engine::Session;

pub(super) async fn run(context: &Context, command: Command) -> Result<Exit> {
    let project = context.project()?;
    match command {
        Command::Ls => ls::run(context, &project).await?,
        Command::Show { resource, show_secrets } => show::run(context, &project, &resource, show_secrets).await?,
        Command::Rm { resource, yes } => return rm::run(context, &project, &resource, yes).await,
        Command::Mv { from, to, to_stack: None } => mv::run(context, &project, &from, &to).await?,
        Command::Mv { from, to, to_stack: Some(stack) } => mv::to_stack(context, &project, &from, &to, &stack).await?,
        Command::Rename { from, to } => rename::run(context, &project, &from, &to).await?,
        Command::Protect { resource } => protect::run(context, &project, &resource, protect::Protection::On).await?,
        Command::Unprotect { resource } => protect::run(context, &project, &resource, protect::Protection::Off).await?,
        Command::Export { file, at } => export::run(context, &project, file.as_deref(), at).await?,
        Command::Import { file, from: Some(tool), .. } => foreign::run(context, &project, &file, tool).await?,
        Command::Import { file, from: None, replace, yes } => {
            return import::run(context, &project, &file, restore::Flags { replace, yes }).await;
        }
        Command::Doctor => return doctor::run(context, &project).await,
        Command::Repair { set_aside: true, yes } => return aside::run(context, &project, yes).await,
        Command::Repair { set_aside: false, yes } => return repair::run(context, &project, yes).await,
        Command::Unlock { yes } => return unlock::run(context, &project, yes).await,
        Command::Recover { from, replace, yes } => {
            return recover::run(context, &project, &from, restore::Flags { replace, yes }).await;
        }
    }
    Ok(Exit::Done)
}

/// The state of a stack that there is.
pub(super) async fn known_state(project: &Project) -> Result<State> {
    match project.session().state().await? {
        Some(state) => Ok(state),
        None => {
            let stacks = project.stacks().await?;
            Err(Error::usage(format!("stack `{}` has no state yet", project.stack)).nearest(&project.stack, &stacks))
        }
    }
}

/// Changes state by hand. Nothing is under way meanwhile, so a signal ends it, and a lock is waited for as the flags say.
pub(super) async fn edit(
    context: &Context,
    session: Session,
    command: &str,
    edit: impl FnOnce(&State) -> std::result::Result<Vec<Record>, terrane_core::Error>,
) -> Result<State> {
    let progress = context.progress();
    let session = session.telling(progress.events().clone());
    context.or_interrupted(session.edit_state(command, edit)).await
}

/// The one resource that a person means: by URN, by label, or by its bare name where only one has it.
fn named<'a>(state: &'a State, wanted: &str) -> Result<&'a Arc<Instance>> {
    let all = || state.live.values();
    let exact: Vec<_> = all().filter(|it| it.urn.as_str() == wanted || it.urn.label() == wanted).collect();
    let found = if exact.is_empty() { all().filter(|it| it.urn.name() == wanted).collect() } else { exact };
    match found.as_slice() {
        [one] => Ok(one),
        [] => {
            let labels: Vec<String> = all().map(|it| it.urn.label()).collect();
            Err(Error::usage(format!("there is no resource `{wanted}` in state")).nearest(wanted, &labels))
        }
        several => {
            let error =
                Error::usage(format!("`{wanted}` names {} resources", several.len())).hint("give the whole URN");
            Err(several.iter().fold(error, |error, it| error.detail(it.urn.as_str())))
        }
    }
}

/// Refuses to change state by hand while the end of an operation on the resource is unknown.
fn settled(state: &State, urn: &Urn) -> Result<(), terrane_core::Error> {
    if state.is_busy(urn) {
        let message = format!("how the last operation on {} ended is not known yet", urn.label());
        return Err(terrane_core::Error::new(message).help("run `up` or `refresh` first"));
    }
    Ok(())
}
