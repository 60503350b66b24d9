//! `refresh`: look at every real object, and let state follow.

use super::{apply, ask::confirm, planning};
use crate::{
    arguments::Refresh,
    context::Context,
    error::Result,
    exit::Exit,
    project::Project,
    render::{self, Line, Text, Tone, units},
};
use serde_json::json;
use terrane_core::plan::Purpose;
use terrane_engine::{Drift, PlanOptions, Refresh as Look, Session};

pub(super) async fn run(context: &Context, arguments: &Refresh) -> Result<Exit> {
    let project = context.project()?;
    planning::known_stack(context, &project).await?;
    let session = project.session();
    if !arguments.expect_no_changes {
        apply::until_free(context, &session).await?;
        apply::recover(context, &session, "refresh").await?;
    }
    let options =
        PlanOptions { targets: arguments.target.clone(), refresh: Look::All, ..PlanOptions::new(Purpose::Up) };
    if arguments.expect_no_changes || !arguments.yes {
        // Looking alone writes nothing, so that there is something to show before the question.
        let planned = context.or_interrupted(session.plan(&options, context.progress().events())).await?;
        show(context, &planned.drift)?;
        if arguments.expect_no_changes {
            return Ok(if planned.drift.is_empty() { Exit::Done } else { Exit::Changes });
        }
        if !planned.drift.is_empty() && !confirm(context, "Let state follow?", arguments.yes).await? {
            context.terminal.say("Nothing was changed.\n");
            return Ok(Exit::Failed);
        }
    }
    follow(context, &project, &session, &options, arguments.yes).await
}

async fn follow(
    context: &Context,
    project: &Project,
    session: &Session,
    options: &PlanOptions,
    told: bool,
) -> Result<Exit> {
    let progress = context.progress();
    let report = context.or_interrupted(session.refresh(options, progress.events())).await?;
    drop(progress);
    if told {
        show(context, &report.drift)?;
    }
    if !context.globals.json {
        let changed = match report.drift.len() {
            0 => "state is what is there".to_owned(),
            number => format!("state follows {}", units::count(number, "change")),
        };
        let line = Line::new().with(Tone::Strong, format!("{} / {}", project.name, project.stack));
        let looked = units::count(report.looked_at, "resource");
        let line = line.add(format!(": {changed}. {looked}, looked at in {}.", units::duration(report.took_ms)));
        context.terminal.out_line(line)?;
    }
    Ok(Exit::Done)
}

fn show(context: &Context, drift: &[Drift]) -> Result<()> {
    if context.globals.json {
        let each = |drift: &Drift| json!({"urn": drift.urn, "gone": drift.gone, "changes": drift.changes});
        return context.stream.own("drift", json!({ "drift": drift.iter().map(each).collect::<Vec<_>>() }));
    }
    let mut text: Text = render::drift::drift(drift);
    text.gap();
    context.terminal.out(text)
}
