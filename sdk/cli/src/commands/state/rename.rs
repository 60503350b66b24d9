//! `state rename`: give a resource another name in the same scope.

use super::{known_state, mv, named};
use crate::{
    context::Context,
    error::{Error, Result},
    project::Project,
};
use terrane_core::urn::name_fault;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its label or URN
    from: String,
    /// Its new name
    to: String,
}

pub(super) async fn run(context: &Context, project: &Project, Args { from, to }: &Args) -> Result<()> {
    if let Some(fault) = name_fault(to) {
        return Err(Error::usage(format!("`{}` can't be a name: {fault}", to.escape_debug()))
            .hint("`state mv` gives a resource another scope"));
    }
    let state = known_state(project).await?;
    let from = named(&state, from)?.0.clone();
    let to = from.renamed(to);
    mv::rename(context, project, "state rename", &from, &to).await?;
    context.terminal.say(format_args!("Renamed {} to {}.\n", from.label(), to.label()));
    Ok(())
}
