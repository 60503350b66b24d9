//! `import`: adopt one existing object, and touch nothing else.

use super::{apply, planning};
use crate::{
    arguments::{Import, Planning},
    context::Context,
    error::Result,
    exit::Exit,
};
use terrane_core::plan::Purpose;

pub(super) async fn run(context: &Context, arguments: &Import) -> Result<Exit> {
    let project = context.project()?;
    let target = vec![arguments.resource.clone()];
    let planning = Planning { diff: arguments.diff, target, ..Planning::default() };
    let mut options = planning::options(Purpose::Up, &planning)?;
    options.imports.insert(arguments.resource.clone(), arguments.id.clone());
    let run = apply::Run { command: "import", planning: &planning, running: &arguments.running, options, saved: None };
    apply::run(context, &project, run).await
}
