//! `up`: make the stack what the program says.

use super::{apply, planning, saved, stack::past};
use crate::{context::Context, error::Result, exit::Exit};
use std::{path::PathBuf, sync::Arc};
use terrane_core::plan::Purpose;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) planning: planning::Flags,
    #[command(flatten)]
    pub(crate) running: apply::Flags,
    /// Replace these although nothing about them has changed
    #[arg(long, env = "TERRANE_REPLACE", hide_env = true, value_delimiter = ',', value_name = "RESOURCE")]
    replace: Vec<String>,
    /// Carry out a plan saved by `preview --save`, exactly, or refuse with the difference
    #[arg(long, env = "TERRANE_PLAN", hide_env = true, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Bring the real objects back to what they were at a restore point of `stack history`, whatever the program says
    #[arg(long, conflicts_with = "plan", value_name = "NUMBER")]
    rollback_to: Option<u64>,
}

pub(super) async fn run(context: &Context, arguments: &Args) -> Result<Exit> {
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
