//! Creates that were cut off: what a person says of one that recovery can't decide on.

use crate::{commands::ask::confirm, context::Context, error::Result, exit::Exit, project::Project};
use terrane_core::{State, Urn, state::Action};
use terrane_engine::Verdict;

/// The resource of the open create that a person means.
pub(in crate::commands) fn create_of(state: &State, wanted: &str) -> Option<Urn> {
    let open = state.pending.values().filter(|intent| intent.action == Action::Create).map(|intent| &intent.urn);
    let mut meant = open.filter(|urn| [urn.as_str(), urn.name(), &urn.label()].contains(&wanted));
    meant.next().cloned()
}

/// There is no such object: the next `up` makes it.
pub(super) async fn absent(context: &Context, project: &Project, urn: &Urn, yes: bool) -> Result<Exit> {
    let question = format!("The create of {} was cut off. Is it certain that it made nothing?", urn.label());
    if !confirm(context, &question, yes).await? {
        context.terminal.say("Nothing was changed.\n");
        return Ok(Exit::Failed);
    }
    decide(context, project, "state rm", urn, &Verdict::Absent).await
}

/// The object exists under this id.
pub(in crate::commands) async fn exists(context: &Context, project: &Project, urn: &Urn, id: &str) -> Result<Exit> {
    decide(context, project, "import", urn, &Verdict::Exists(id.to_owned())).await
}

async fn decide(context: &Context, project: &Project, command: &str, urn: &Urn, verdict: &Verdict) -> Result<Exit> {
    let progress = context.progress();
    let session = project.session();
    let text = context.or_interrupted(session.decide(command, urn, verdict, progress.events())).await?;
    drop(progress);
    context.terminal.say(format_args!("{}: {text}. `up` goes on from there.\n", urn.label()));
    Ok(Exit::Done)
}
