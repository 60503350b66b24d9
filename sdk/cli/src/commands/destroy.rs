//! `destroy`: delete everything in the stack.

use super::{apply, planning};
use crate::{context::Context, error::Result, exit::Exit};
use terrane_core::plan::Purpose;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    planning: planning::Flags,
    #[command(flatten)]
    running: apply::Flags,
}

pub(super) async fn run(context: &Context, arguments: &Args) -> Result<Exit> {
    let project = context.project()?;
    let options = planning::options(Purpose::Destroy, &arguments.planning)?;
    let run = apply::Run {
        command: "destroy",
        planning: &arguments.planning,
        running: &arguments.running,
        options,
        saved: None,
        insists: |_| Ok(()),
    };
    apply::run(context, &project, run).await
}
