//! `destroy`: delete everything in the stack.

use super::{apply, planning};
use crate::{arguments::Destroy, context::Context, error::Result, exit::Exit};
use terrane_core::plan::Purpose;

pub(super) async fn run(context: &Context, arguments: &Destroy) -> Result<Exit> {
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
