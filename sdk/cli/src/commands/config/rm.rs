//! `config rm`: take a value out of the stack's file.

use super::no_such_key;
use crate::{
    context::Context,
    error::{Error, Result},
    project::{Project, edit},
};

pub(super) fn run(context: &Context, project: &Project, key: &str) -> Result<()> {
    let path = project.files.stack_file(&project.stack);
    if edit::remove(&path, key)? {
        context.terminal.say(format_args!("Removed `{key}` from {}.\n", path.display()));
        return Ok(());
    }
    match project.files.places().get(key) {
        Some(place) => Err(Error::usage(format!("`{key}` does not stand in {}", path.display()))
            .hint(format!("it stands at {place}, for every stack: change it there"))),
        None => Err(no_such_key(project, key)),
    }
}
