//! `import`: adopt one existing object, and touch nothing else.

use super::{apply, planning, state::open};
use crate::{
    context::Context,
    error::{Error, Result},
    exit::Exit,
};
use terrane_core::{
    Plan, State, Urn,
    plan::{Op, Purpose},
};

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The resource, as the program declares it
    resource: String,
    /// The object's id in its own system
    id: String,
    /// Show every input
    #[arg(long, env = "TERRANE_DIFF", hide_env = true)]
    diff: bool,
    #[command(flatten)]
    running: apply::Flags,
}

pub(super) async fn run(context: &Context, arguments: &Args) -> Result<Exit> {
    let project = context.project()?;
    if let Some(state) = project.session().state().await? {
        if let Some(urn) = open::create_of(&state, &arguments.resource) {
            open::exists(context, &project, &urn, &arguments.id).await?;
            return Ok(Exit::Done);
        }
        refuse_known(&state, &arguments.resource)?;
    }
    let target = vec![arguments.resource.clone()];
    let planning = planning::Flags { diff: arguments.diff, target, ..planning::Flags::default() };
    let mut options = planning::options(Purpose::Up, &planning)?;
    options.imports.insert(arguments.resource.clone(), arguments.id.clone());
    let (command, running) = ("import", &arguments.running);
    let run = apply::Run { command, planning: &planning, running, options, saved: None, insists: touches_nothing_else };
    apply::run(context, &project, run).await
}

/// A resource that has an object already doesn't change it for another in silence.
fn refuse_known(state: &State, wanted: &str) -> Result<()> {
    let is_meant = |urn: &&Urn| [urn.as_str(), urn.name(), &urn.label()].contains(&wanted);
    match state.live.keys().find(is_meant) {
        None => Ok(()),
        Some(urn) => Err(Error::refused(format!("{} has an object in state already", urn.label()))
            .hint(format!("`state rm {}` forgets it, and leaves it where it is", urn.label()))),
    }
}

/// Refuses a plan in which something else has to be made or changed before.
fn touches_nothing_else(plan: &Plan) -> Result<()> {
    let others = plan.steps.iter().filter(|step| !matches!(step.op, Op::Same | Op::Import));
    let labels: Vec<String> = others.map(|step| step.urn.label()).collect();
    if labels.is_empty() {
        return Ok(());
    }
    Err(Error::refused(format!(
        "what is to be imported needs {}, which has to be made or changed first",
        labels.join(", ")
    ))
    .hint(format!("`up --target {}` does that", labels.join(","))))
}
