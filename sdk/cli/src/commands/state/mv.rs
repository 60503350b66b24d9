//! `state mv`: give a resource another name or scope.

use super::{known_state, named, settled};
use crate::{
    context::Context,
    error::{Error, Result},
    project::Project,
};
use terrane_core::{Record, Urn};

pub(super) async fn run(context: &Context, project: &Project, from: &str, to: &str) -> Result<()> {
    let state = known_state(project).await?;
    let from = named(&state, from)?.urn.clone();
    let to = target(project, &from, to)?;
    let edit = |state: &terrane_core::State| {
        settled(state, &from)?;
        if state.live.contains_key(&to) {
            return Err(terrane_core::Error::new(format!("there is a resource {to} already")));
        }
        Ok(vec![Record::Moved { from: from.clone(), to: to.clone() }])
    };
    project.session().edit_state("state mv", edit).await?;
    context.terminal.say(format_args!("Moved {} to {}.\n", from.label(), to.label()));
    Ok(())
}

/// A label means the same kind in the same stack.
fn target(project: &Project, from: &Urn, to: &str) -> Result<Urn> {
    let prefix = format!("{}/{}/", project.stack, project.name);
    let to = if to.starts_with(&prefix) {
        Urn::parse(to)?
    } else {
        let (scope, name) = to.rsplit_once('/').unwrap_or(("", to));
        Urn::parse(Urn::new(&project.stack, &project.name, scope, from.kind(), name).as_str())?
    };
    if to.kind() != from.kind() {
        return Err(Error::usage(format!("a {} can't become a {}", from.kind(), to.kind())));
    }
    Ok(to)
}
