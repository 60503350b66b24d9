//! `stack rename`: gives a stack another name. Its resources move to a new stack of that name. The old one stays, without any, and says the
//! new name to whoever still uses it, such as a colleague who has selected it, until `stack rm`.

use super::renamed_to;
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
use std::fs;
use terrane_engine::{Error as Engine, Events};

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name
    from: String,
    /// Its new name
    to: String,
    #[command(flatten)]
    consent: Consent,
}

pub(super) async fn run(context: &Context, project: &Project, arguments: &Args) -> Result<()> {
    let (from, to) = (arguments.from.as_str(), arguments.to.as_str());
    let session = project.on_stack(from)?;
    project.on_stack(to)?;
    let stacks = project.stacks().await?;
    let is_there = stacks.iter().any(|stack| stack == to);
    let Some(state) = session.state().await? else {
        return Err(Error::no_stack(from, &stacks));
    };
    let is_begun = state.next_name() == Some(to);
    if !is_begun && is_there {
        let error = Error::usage(format!("there is a stack `{to}` already"));
        return Err(match renamed_to(project, to).await {
            Some(now) => {
                error.hint(format!("it only says that it is called `{now}` now: `stack rm {to}` frees the name"))
            }
            None => error,
        });
    }
    let resources = count(state.live.len(), "resource");
    let question =
        format!("Rename stack `{from}` to `{to}` ({resources})? Other stacks that refer to `{from}` have to follow.");
    confirm(context, &question, arguments.consent).await?;
    // First of all: what opens the old file goes with the old stack.
    project.store.copy_keys(&project.name, from, to).await?;
    project.copy_file(from, to).await?;
    until_free(context, &session).await?;
    let rename = async |events: &Events| {
        session.recover("stack rename", events).await?;
        if is_begun { Ok::<_, Engine>(()) } else { session.rename_to(to, events).await }
    };
    context.writing(rename).await?;
    follow(context, project, from, to)?;
    context.terminal.say(format_args!(
        "Renamed stack `{from}` to `{to}`. Objects stay as they are; their tags follow with their next change.\n\
         Who still uses `{from}` is told; `stack rm {from}` frees the name.\n"
    ));
    Ok(())
}

/// Everything is in the new stack: the selection goes along, and the file that it has a copy of is removed.
fn follow(context: &Context, project: &Project, from: &str, to: &str) -> Result<()> {
    if project.stack == from {
        project.unselect(from)?;
        project.select(to)?;
    }
    let (old, new) = (project.files.stack_file(from), project.files.stack_file(to));
    if old.exists() && project.has_copy(from, to)? {
        fs::remove_file(&old).map_err(|error| Error::file("remove", &old, &error))?;
        context.terminal.say(format_args!("Renamed {} to {}.\n", old.display(), new.display()));
    }
    Ok(())
}
