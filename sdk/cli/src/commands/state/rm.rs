//! `state rm`: forget a resource; the real object stays.

use super::{known_state, named_or_condemned, open, settled};
use crate::{
    commands::ask::{Consent, confirm},
    context::Context,
    error::Result,
    project::Project,
    render::units::some_of,
};
use terrane_core::{Error, Record};

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its label or URN
    resource: String,
    #[command(flatten)]
    consent: Consent,
}

pub(super) async fn run(context: &Context, project: &Project, arguments: &Args) -> Result<()> {
    let state = known_state(project).await?;
    if let Some(urn) = open::create_of(&state, &arguments.resource) {
        return open::absent(context, project, &urn, arguments.consent).await;
    }
    let (urn, op) = {
        let (urn, instance) = named_or_condemned(&state, &arguments.resource)?;
        (urn.clone(), instance.op.clone())
    };
    if let Some(dependents) = state.dependents().get(&urn) {
        let labels: Vec<String> = dependents.iter().map(|urn| urn.label()).collect();
        context.warn(format_args!("needed by {}", some_of(&labels, 5)));
    }
    confirm(context, &format!("Forget {}? The real object stays.", urn.label()), arguments.consent).await?;
    let edit = |state: &terrane_core::State| {
        settled(state, &urn)?;
        // Between the question and the lock somebody may have replaced it.
        match state.live.get(&urn) {
            _ if state.condemned.contains_key(&op) => Ok(vec![Record::Forgotten { urn: urn.clone(), op: op.clone() }]),
            Some(live) if live.op == op => Ok(state.forgetting(&[urn.clone()].into())),
            _ => Err(Error::new(format!("{} was changed in the meantime", urn.label()))
                .help("look at it again with `state show`")),
        }
    };
    super::edit(context, project.session(), "state rm", edit).await?;
    context.terminal.say(format_args!("Forgot {}.\n", urn.label()));
    Ok(())
}
