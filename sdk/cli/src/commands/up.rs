//! `up`: make the stack what the program says.

use super::{apply, planning, saved, stack::past};
use crate::{arguments::Up, context::Context, error::Result, exit::Exit};
use std::sync::Arc;
use terrane_core::plan::Purpose;

pub(super) async fn run(context: &Context, arguments: &Up) -> Result<Exit> {
    let project = context.project()?;
    let mut options = planning::options(Purpose::Up, &arguments.planning)?;
    options.replace.clone_from(&arguments.replace);
    if let Some(seq) = arguments.rollback_to {
        options.rollback = Some(Arc::new(past(&project, seq).await?));
    }
    let saved = match &arguments.plan {
        Some(path) => Some(saved::read(path, &project).await?),
        None => None,
    };
    let (planning, running) = (&arguments.planning, &arguments.running);
    let run = apply::Run { command: "up", planning, running, options, saved, insists: |_| Ok(()) };
    apply::run(context, &project, run).await
}
