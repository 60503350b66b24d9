//! `state import`: puts an exported state into the stack.

use super::{
    foreign::{self, Tool},
    restore::{self, Flags, NAMES_MAX},
};
use crate::{
    commands::saved::read_bounded,
    context::Context,
    error::{Error, Result},
    project::Project,
    render::units::some_of,
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};
use terrane_core::{State, Urn, state::Move};
use terrane_state::{Export, export::BYTES_MAX};

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file
    file: PathBuf,
    /// The file is another tool's: print what to write into the program to adopt its objects; state stays as it is
    #[arg(long, value_enum, value_name = "TOOL")]
    from: Option<Tool>,
    #[command(flatten)]
    flags: Flags,
}

pub(super) async fn run(context: &Context, project: &Project, arguments: &Args) -> Result<()> {
    match arguments.from {
        Some(tool) => foreign::run(context, project, &arguments.file, tool).await,
        None => import(context, project, &arguments.file, arguments.flags).await,
    }
}

async fn import(context: &Context, project: &Project, path: &Path, flags: Flags) -> Result<()> {
    let place = path.display().to_string();
    let export = Export::parse(&read_bounded(path, BYTES_MAX, "a state")?, &place)?;
    let from = (export.project.clone(), export.stack.clone());
    let mut state = project.store.open_export(export).await?;
    // A move that the file remembers goes on where it was begun, not here.
    for begun in std::mem::take(&mut state.moves).into_values() {
        if let Move::Leaving { to, urns, .. } = begun {
            let names = some_of(&urns.keys().map(Urn::label).collect::<Vec<_>>(), NAMES_MAX);
            context.warn(format_args!(
                "the file was written while {names} moved to stack `{to}`, which may have them by now"
            ));
        }
    }
    if from != (project.name.clone(), project.stack.clone()) {
        let (project, stack) = from;
        context.warn(format_args!(
            "the file is of {project} / {stack}: as long as that stack keeps its state, both claim the same real objects"
        ));
    }
    adopt(project, &mut state)?;
    let present = project.session().state().await?;
    restore::check(project, &place, &state, present.as_ref(), flags)?;
    restore::replace(context, project, "state import", present, state, flags.consent).await
}

/// Gives every resource a URN of this stack: those of another stack's file, and single ones that a damaged state has.
fn adopt(project: &Project, state: &mut State) -> Result<()> {
    let own = |urn: &Urn| urn.in_stack(&project.stack, &project.name);
    if state.instances().all(|it| it.urn == own(&it.urn)) {
        return Ok(());
    }
    let mut known = BTreeSet::new();
    if let Some(twice) = state.live.values().find(|it| !known.insert(own(&it.urn))) {
        return Err(Error::failed(format!("two resources of the file would be {}", own(&twice.urn)))
            .hint("`state mv` gives one of them another name, where it was exported"));
    }
    state.map_urns(&|urn| Some(own(urn)));
    Ok(())
}
