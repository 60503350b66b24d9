//! `import`: adopt one existing object, and touch nothing else.

use super::{apply, planning, state::open};
use crate::{
    arguments::{Import, Planning},
    context::Context,
    error::{Error, Result},
    exit::Exit,
    project::Project,
};
use terrane_core::{
    Plan,
    plan::{Op, Purpose},
};

pub(super) async fn run(context: &Context, arguments: &Import) -> Result<Exit> {
    let project = context.project()?;
    if let Some(urn) = project.session().state().await?.and_then(|state| open::create_of(&state, &arguments.resource)) {
        return open::exists(context, &project, &urn, &arguments.id).await;
    }
    refuse_known(&project, &arguments.resource).await?;
    let target = vec![arguments.resource.clone()];
    let planning = Planning { diff: arguments.diff, target, ..Planning::default() };
    let mut options = planning::options(Purpose::Up, &planning)?;
    options.imports.insert(arguments.resource.clone(), arguments.id.clone());
    let (command, running) = ("import", &arguments.running);
    let run = apply::Run { command, planning: &planning, running, options, saved: None, insists: touches_nothing_else };
    apply::run(context, &project, run).await
}

/// A resource that has an object already doesn't change it for another in silence.
async fn refuse_known(project: &Project, wanted: &str) -> Result<()> {
    let state = project.session().state().await?;
    let known = state.iter().flat_map(|state| state.live.keys());
    let is_meant = |urn: &&terrane_core::Urn| [urn.as_str(), urn.name(), &urn.label()].contains(&wanted);
    match known.into_iter().find(is_meant) {
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
