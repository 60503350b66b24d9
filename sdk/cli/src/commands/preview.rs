//! `preview`: show what `up` would do.

use super::{planning, saved};
use crate::{arguments::Preview, context::Context, error::Result, exit::Exit};
use terrane_core::plan::Purpose;

pub(super) async fn run(context: &Context, arguments: &Preview) -> Result<Exit> {
    let project = context.project()?;
    planning::known_stack(context, &project).await?;
    let session = project.session();
    let mut options = planning::options(Purpose::Up, &arguments.planning)?;
    options.replace.clone_from(&arguments.replace);
    let planned = planning::plan(context, &session, &options).await?;
    planning::show(context, &project, &planned, &arguments.planning)?;
    planning::check(&planned.planned.plan, &arguments.planning)?;
    if let Some(path) = &arguments.save {
        saved::write(path, &project, planned.planned.plan.clone()).await?;
        context.terminal.say(format_args!("saved to {}; `up --plan {0}` carries out exactly this\n", path.display()));
    }
    planning::expected(context, &planned.planned, &arguments.planning)
}
