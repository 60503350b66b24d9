//! `preview`: show what `up` would do.

use super::{planning, saved};
use crate::{
    arguments::Preview,
    context::Context,
    error::Result,
    exit::Exit,
    render::{Line, Tone},
};
use terrane_core::plan::Purpose;

pub(super) async fn run(context: &Context, arguments: &Preview) -> Result<Exit> {
    let project = context.project()?;
    planning::known_stack(context, &project).await?;
    let session = project.session();
    let mut options = planning::options(Purpose::Up, &arguments.planning)?;
    options.replace.clone_from(&arguments.replace);
    let planned = planning::plan(context, &session, &options).await?;
    if !planned.planned.state.moves.is_empty() {
        let line = Line::new().with(Tone::Warning, "note: ").add("a move to or from another stack was cut off");
        context.terminal.say(format_args!("{line}: `up` finishes it first, and plans from what there is then\n"));
    }
    planning::show(context, &project, &planned, &arguments.planning)?;
    planning::check(&planned.planned.plan, &arguments.planning)?;
    if let Some(path) = &arguments.save {
        saved::write(path, &project, planned.planned.plan.clone()).await?;
        context.terminal.say(format_args!("saved to {}; `up --plan {0}` carries out exactly this\n", path.display()));
    }
    planning::expected(context, &planned.planned, &arguments.planning)
}
