//! Creates that were cut off: what a person says of one that recovery can't decide on.

use crate::{
    commands::{
        apply::until_free,
        ask::{Consent, confirm},
    },
    context::Context,
    error::Result,
    project::Project,
};
use terrane_core::{State, Urn, state::Action};
use terrane_engine::Verdict;

/// The resource of the open create that a person means.
pub(in crate::commands) fn create_of(state: &State, wanted: &str) -> Option<Urn> {
    let open = state.pending.values().filter(|intent| intent.action == Action::Create).map(|intent| &intent.urn);
    let mut meant = open.filter(|urn| [urn.as_str(), urn.name(), &urn.label()].contains(&wanted));
    meant.next().cloned()
}

/// There is no such object: the next `up` makes it.
pub(super) async fn absent(context: &Context, project: &Project, urn: &Urn, consent: Consent) -> Result<()> {
    let question = format!("The create of {} was cut off. Is it certain that it made nothing?", urn.label());
    confirm(context, &question, consent).await?;
    decide(context, project, "state rm", urn, &Verdict::Absent).await
}

/// The object exists under this id.
pub(in crate::commands) async fn exists(context: &Context, project: &Project, urn: &Urn, id: &str) -> Result<()> {
    decide(context, project, "import", urn, &Verdict::Exists(id.to_owned())).await
}

async fn decide(context: &Context, project: &Project, command: &str, urn: &Urn, verdict: &Verdict) -> Result<()> {
    let session = project.session();
    until_free(context, &session).await?;
    let text = context.writing(async |events| session.decide(command, urn, verdict, events).await).await?;
    context.terminal.say(format_args!("{}: {text}. `up` goes on from there.\n", urn.label()));
    Ok(())
}
