//! `stack init`: make a stack, and select it.

use crate::{
    context::Context,
    error::{Error, Result},
    project::Project,
};
use terrane_core::{Properties, Record};

pub(super) async fn run(context: &Context, project: &Project, name: &str) -> Result<()> {
    if project.stacks().await?.iter().any(|stack| stack == name) {
        return Err(Error::usage(format!("there is a stack `{name}` already"))
            .hint(format!("`stack select {name}` selects it")));
    }
    let session = project.on_stack(name)?;
    project.claim()?;
    // A stack begins with its first record: it exports nothing yet.
    session.edit_state("stack init", |_| Ok(vec![Record::Outputs { exports: Properties::default() }])).await?;
    project.select(name)?;
    context.terminal.say(format_args!("Made stack `{name}`, and selected it.\n"));
    Ok(())
}
