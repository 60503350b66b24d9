//! `stack select`: which stack commands work on.

use super::renamed_to;
use crate::{
    context::Context,
    error::{Error, Result},
    project::Project,
};

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name
    name: String,
}

pub(super) async fn run(context: &Context, project: &Project, Args { name }: &Args) -> Result<()> {
    let stacks = project.stacks().await?;
    if !stacks.iter().any(|stack| stack == name) && !project.files.stack_file(name).exists() {
        return Err(Error::no_stack(name, &stacks).hint(format!("`stack init {name}` makes it")));
    }
    if let Some(to) = renamed_to(project, name).await {
        return Err(Error::usage(format!("stack `{name}` is called `{to}` now"))
            .hint(format!("`stack select {to}` selects it")));
    }
    project.select(name)?;
    context.terminal.say(format_args!("Selected stack `{name}`.\n"));
    Ok(())
}
