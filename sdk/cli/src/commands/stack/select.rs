//! `stack select`: which stack commands work on.

use crate::{
    context::Context,
    error::{Error, Result},
    project::Project,
};

pub(super) async fn run(context: &Context, project: &Project, name: &str) -> Result<()> {
    let stacks = project.stacks().await?;
    if !stacks.iter().any(|stack| stack == name) && !project.files.stack_file(name).exists() {
        return Err(Error::usage(format!("there is no stack `{name}`"))
            .nearest(name, &stacks)
            .hint(format!("`stack init {name}` makes it")));
    }
    project.select(name)?;
    context.terminal.say(format_args!("Selected stack `{name}`.\n"));
    Ok(())
}
