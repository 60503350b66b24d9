//! `stack rename`: gives a stack another name. Its resources move to a new stack of that name, and the old one is removed.

use crate::{
    commands::ask::confirm,
    context::Context,
    error::{Error, Result},
    exit::Exit,
    project::Project,
    render::units::count,
};
use std::fs;
use terrane_core::{State, state::Move};

pub(super) async fn run(context: &Context, project: &Project, from: &str, to: &str, yes: bool) -> Result<Exit> {
    let session = project.on_stack(from)?;
    project.on_stack(to)?;
    let stacks = project.stacks().await?;
    let Some(state) = session.state().await? else {
        return Err(Error::usage(format!("there is no stack `{from}`")).nearest(from, &stacks));
    };
    let is_begun = leaves_for(&state, to);
    if !is_begun && stacks.iter().any(|stack| stack == to) {
        return Err(Error::usage(format!("there is a stack `{to}` already")));
    }
    let resources = count(state.live.len(), "resource");
    let question =
        format!("Rename stack `{from}` to `{to}` ({resources})? Other stacks that refer to `{from}` have to follow.");
    if !confirm(context, &question, yes).await? {
        context.terminal.say("Nothing was changed.\n");
        return Ok(Exit::Failed);
    }
    // They are under the key of the old name, which goes with it.
    let secrets = project.open_file(from).await?;
    let progress = context.progress();
    context.or_interrupted(session.recover("stack rename", progress.events())).await?;
    if !is_begun {
        context.or_interrupted(session.rename_to(to, progress.events())).await?;
    }
    drop(progress);
    if project.stack == from {
        project.unselect(from)?;
        project.select(to)?;
    }
    rename_file(context, project, from, to)?;
    project.seal_file(to, secrets).await?;
    context.terminal.say(format_args!(
        "Renamed stack `{from}` to `{to}`. Objects stay as they are; their tags follow with their next change.\n"
    ));
    Ok(Exit::Done)
}

/// Whether a rename to that name was cut off.
fn leaves_for(state: &State, name: &str) -> bool {
    state.moves.values().any(|begun| matches!(begun, Move::Leaving { to, whole: true, .. } if to == name))
}

/// The stack's own configuration goes along.
fn rename_file(context: &Context, project: &Project, from: &str, to: &str) -> Result<()> {
    let (old, new) = (project.files.stack_file(from), project.files.stack_file(to));
    if !old.exists() || new.exists() {
        return Ok(());
    }
    fs::rename(&old, &new).map_err(|error| Error::file("rename", &old, &error))?;
    context.terminal.say(format_args!("Renamed {} to {}.\n", old.display(), new.display()));
    Ok(())
}
