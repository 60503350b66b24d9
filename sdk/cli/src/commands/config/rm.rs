//! `config rm`: take a value out of the stack's file.

use super::no_such_key;
use crate::{
    context::Context,
    error::{Error, Result},
    project::{Project, edit},
};

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The key, with dots between its parts
    key: String,
}

pub(super) fn run(context: &Context, project: &Project, Args { key }: &Args) -> Result<()> {
    let path = project.files.stack_file(&project.stack);
    if edit::remove(&path, key)? {
        context.terminal.say(format_args!("Removed `{key}` from {}.\n", path.display()));
        return Ok(());
    }
    match project.files.places().get(&edit::plain(key)?) {
        Some(place) => Err(Error::usage(format!("`{key}` does not stand in {}", path.display()))
            .hint(format!("it stands at {place}, for every stack: change it there"))),
        None => Err(no_such_key(project, key)),
    }
}
