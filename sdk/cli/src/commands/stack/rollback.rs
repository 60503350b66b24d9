//! `stack rollback`: puts state back to a restore point. Real objects are not touched; `up --rollback-to` brings those back.

use crate::{
    commands::{ask::Consent, state::restore},
    context::Context,
    error::{Error, Result},
    project::Project,
    render::units::moment,
};
use std::collections::BTreeMap;
use terrane_core::State;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The restore point's number, as `stack history` lists it
    to: u64,
    #[command(flatten)]
    consent: Consent,
}

pub(super) async fn run(context: &Context, project: &Project, arguments: &Args) -> Result<()> {
    let present = project.session().state().await?;
    let past = past(project, arguments.to).await?;
    restore::replace(context, project, "stack rollback", present, past, arguments.consent).await
}

/// The state of a restore point. What was open then has ended since.
pub(in crate::commands) async fn past(project: &Project, seq: u64) -> Result<State> {
    let (name, stack) = (&project.name, &project.stack);
    let points = project.store.restore_points(name, stack).await?;
    if !points.iter().any(|point| point.seq == seq) {
        let kept: Vec<String> = points.iter().map(|point| format!("{} ({})", point.seq, moment(point.at_ms))).collect();
        let error = Error::usage(format!("stack `{stack}` keeps no restore point {seq}"));
        return Err(match kept.as_slice() {
            [] => error.hint("none is kept yet: the first comes with a run that changes something"),
            kept => error.hint(format!("it keeps {}", kept.join(", "))),
        });
    }
    let mut past = project.store.read_at(name, stack, seq).await?;
    (past.pending, past.moves) = (BTreeMap::new(), BTreeMap::new());
    Ok(past)
}
