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

pub(super) async fn run(context: &Context, project: &Project, from: &str, to: &str, yes: bool) -> Result<Exit> {
    let session = project.on_stack(from)?;
    project.on_stack(to)?;
    let stacks = project.stacks().await?;
    let is_there = stacks.iter().any(|stack| stack == to);
    let Some(state) = session.state().await? else {
        if is_there && project.files.stack_file(from).exists() && project.has_copy(from, to)? {
            // A rename was cut off after its last record.
            return follow(context, project, from, to);
        }
        return Err(Error::usage(format!("there is no stack `{from}`")).nearest(from, &stacks));
    };
    let is_begun = state.next_name() == Some(to);
    if !is_begun && is_there {
        return Err(Error::usage(format!("there is a stack `{to}` already")));
    }
    let resources = count(state.live.len(), "resource");
    let question =
        format!("Rename stack `{from}` to `{to}` ({resources})? Other stacks that refer to `{from}` have to follow.");
    if !confirm(context, &question, yes).await? {
        context.terminal.say("Nothing was changed.\n");
        return Ok(Exit::Failed);
    }
    // First of all: what opens the old file goes with the old stack.
    project.store.copy_keys(&project.name, from, to).await?;
    project.copy_file(from, to).await?;
    let progress = context.progress();
    context.or_interrupted(session.recover("stack rename", progress.events())).await?;
    if !is_begun {
        context.or_interrupted(session.rename_to(to, progress.events())).await?;
    }
    drop(progress);
    follow(context, project, from, to)
}

/// The old stack is gone: the selection goes along, and the file that the new one has a copy of is removed.
fn follow(context: &Context, project: &Project, from: &str, to: &str) -> Result<Exit> {
    if project.stack == from {
        project.unselect(from)?;
        project.select(to)?;
    }
    let (old, new) = (project.files.stack_file(from), project.files.stack_file(to));
    if old.exists() && project.has_copy(from, to)? {
        fs::remove_file(&old).map_err(|error| Error::file("remove", &old, &error))?;
        context.terminal.say(format_args!("Renamed {} to {}.\n", old.display(), new.display()));
    }
    context.terminal.say(format_args!(
        "Renamed stack `{from}` to `{to}`. Objects stay as they are; their tags follow with their next change.\n"
    ));
    Ok(Exit::Done)
}
