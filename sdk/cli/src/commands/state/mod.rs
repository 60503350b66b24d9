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
    commands::apply::until_free,
    context::Context,
    error::{Error, Result},
    exit::Exit,
    project::Project,
};
use protect::Protection;
use std::sync::Arc;
use terrane_core::{Record, State, Urn, state::Instance};
use terrane_engine::{Error as Engine, Session};

/// What can be done with a state.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the resources in state
    Ls,
    /// Print one resource as state has it
    Show(show::Args),
    /// Forget a resource; the real object stays
    Rm(rm::Args),
    /// Give a resource another name or scope, or to another stack
    Mv(mv::Args),
    /// Give a resource another name in the same scope
    Rename(rename::Args),
    /// Refuse to delete or replace a resource
    Protect(protect::Args),
    /// Allow to delete and replace a resource again
    Unprotect(protect::Args),
    /// Write the whole state to a file, or print it, with its secrets encrypted
    Export(export::Args),
    /// Put an exported state into the stack, or read what another tool manages
    Import(import::Args),
    /// Say what is wrong with the state, and what is safe to do
    Doctor,
    /// Mend what can be mended without losing anything
    Repair(repair::Args),
    /// End another process's hold on the stack for good
    Unlock(unlock::Args),
    /// Take the state over from a copy, such as a bucket's replica in another region
    Recover(recover::Args),
}

pub(super) async fn run(context: &Context, command: Command) -> Result<Exit> {
    let project = context.project()?;
    match command {
        Command::Ls => ls::run(context, &project).await?,
        Command::Show(arguments) => show::run(context, &project, &arguments).await?,
        Command::Rm(arguments) => rm::run(context, &project, &arguments).await?,
        Command::Mv(arguments) => mv::run(context, &project, &arguments).await?,
        Command::Rename(arguments) => rename::run(context, &project, &arguments).await?,
        Command::Protect(arguments) => protect::run(context, &project, &arguments, Protection::On).await?,
        Command::Unprotect(arguments) => protect::run(context, &project, &arguments, Protection::Off).await?,
        Command::Export(arguments) => export::run(context, &project, &arguments).await?,
        Command::Import(arguments) => import::run(context, &project, &arguments).await?,
        Command::Doctor => return doctor::run(context, &project).await,
        Command::Repair(arguments) => return repair::run(context, &project, &arguments).await,
        Command::Unlock(arguments) => unlock::run(context, &project, arguments.consent).await?,
        Command::Recover(arguments) => recover::run(context, &project, &arguments).await?,
    }
    Ok(Exit::Done)
}

/// The state of a stack that there is.
pub(super) async fn known_state(project: &Project) -> Result<State> {
    match project.session().state().await? {
        Some(state) => match state.renamed_to() {
            Some(to) => Err(Engine::Renamed { stack: project.stack.clone(), to: to.to_owned() }.into()),
            None => Ok(state),
        },
        None => {
            let stacks = project.stacks().await?;
            Err(Error::usage(format!("stack `{}` has no state yet", project.stack)).nearest(&project.stack, &stacks))
        }
    }
}

/// Changes state by hand. A lock is waited for as the flags say.
pub(super) async fn edit(
    context: &Context,
    session: Session,
    command: &str,
    edit: impl FnOnce(&State) -> std::result::Result<Vec<Record>, terrane_core::Error>,
) -> Result<State> {
    until_free(context, &session).await?;
    context.writing(async |events| session.edit_state(command, edit, events).await).await
}

/// An object in state, and the URN that it stands under: its own, unless the state is damaged.
type Object<'a> = (&'a Urn, &'a Arc<Instance>);

/// The one resource that a person means: by URN, by label, or by its bare name where only one has it.
fn named<'a>(state: &'a State, wanted: &str) -> Result<Object<'a>> {
    let exact: Vec<_> = state.live.iter().filter(|(urn, _)| urn.as_str() == wanted || urn.label() == wanted).collect();
    let found =
        if exact.is_empty() { state.live.iter().filter(|(urn, _)| urn.name() == wanted).collect() } else { exact };
    match found.as_slice() {
        [one] => Ok(*one),
        [] => {
            let labels: Vec<String> = state.live.keys().map(Urn::label).collect();
            Err(Error::usage(format!("there is no resource `{wanted}` in state")).nearest(wanted, &labels))
        }
        several => {
            let error =
                Error::usage(format!("`{wanted}` names {} resources", several.len())).hint("give the whole URN");
            Err(several.iter().fold(error, |error, (urn, _)| error.detail(urn.as_str())))
        }
    }
}

/// The same, or else the one object that a person means of those that were replaced and are still to be deleted. The operation that made it
/// tells it from the object that has replaced it.
fn named_or_condemned<'a>(state: &'a State, wanted: &str) -> Result<Object<'a>> {
    let is_meant =
        |it: &&Arc<Instance>| [it.op.as_str(), it.urn.as_str(), &it.urn.label(), it.urn.name()].contains(&wanted);
    named(state, wanted).or_else(|error| {
        let condemned: Vec<_> = state.condemned.values().filter(is_meant).collect();
        match condemned.as_slice() {
            [] => Err(error),
            [one] => Ok((&one.urn, *one)),
            several => {
                let error = Error::usage(format!("`{wanted}` names {} objects that were replaced", several.len()));
                let error = error.hint("give the operation that made it instead");
                Err(several.iter().fold(error, |error, it| error.detail(it.op.as_str())))
            }
        }
    })
}

/// Refuses to change state by hand while the end of an operation on the resource is unknown.
fn settled(state: &State, urn: &Urn) -> Result<(), terrane_core::Error> {
    if state.is_busy(urn) {
        let message = format!("how the last operation on {} ended is not known yet", urn.label());
        return Err(terrane_core::Error::new(message).help("run `up` or `refresh` first"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_under_another_resources_urn_is_forgotten_by_where_it_stands() {
        let object = |name: &str, op: &str| {
            json!({"urn": format!("dev/shop/demo:Thing/{name}"), "op": op, "provider": "demo", "inputs": {"values": {}},
                "outputs": {"values": {}}, "created_ms": 0, "modified_ms": 0})
        };
        let mut state: State = serde_json::from_value(json!({
            "lineage": "one", "seq": 1, "generation": 1,
            "live": {"dev/shop/demo:Thing/a": object("b", "op-a"), "dev/shop/demo:Thing/b": object("b", "op-b")},
            "condemned": {"op-c": object("c", "op-c"), "op-d": object("c", "op-d")},
        }))
        .unwrap();
        let op = |state: &State, wanted: &str| named_or_condemned(state, wanted).map(|(_, it)| it.op.to_string());
        assert_eq!(op(&state, "dev/shop/demo:Thing/a").unwrap(), "op-a");
        assert_eq!(op(&state, "op-d").unwrap(), "op-d");
        assert_eq!(op(&state, "c").unwrap_err().details, ["op-c", "op-d"]);
        let urn = named(&state, "a").unwrap().0.clone();
        for record in state.forgetting(&[urn].into()) {
            state.apply(&record).unwrap();
        }
        assert_eq!(state.live.values().map(|it| it.op.to_string()).collect::<Vec<_>>(), ["op-b"]);
    }
}
