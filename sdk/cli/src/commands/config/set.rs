//! `config set`: a value in the stack's file.

use crate::{
    context::Context,
    error::{Error, Result},
    project::{Project, edit, files::STATE},
};

pub(super) fn run(context: &Context, project: &Project, key: &str, value: &str) -> Result<()> {
    if key == STATE {
        return Err(Error::usage(format!("`{STATE}` is not the program's configuration: it says where state is kept"))
            .hint("write it into terrane.toml by hand: it is the same for every stack"));
    }
    let path = project.files.stack_file(&project.stack);
    edit::set(&path, key, value)?;
    context.terminal.say(format_args!("Set `{key}` in {}.\n", path.display()));
    Ok(())
}
