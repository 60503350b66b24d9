//! `refresh`: look at every real object, and let state follow.

use super::{
    apply::{self, Patience},
    ask::{Consent, confirm},
    planning,
};
use crate::{
    context::Context,
    error::{Error, Result},
    exit::Exit,
    project::Project,
    render::{self, Line, Text, Tone, units},
};
use terrane_core::plan::Purpose;
use terrane_engine::{Drift, PlanOptions, Refresh as Look, RefreshReport};

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these resources; `*` stands for any text
    #[arg(long, short, env = "TERRANE_TARGET", hide_env = true, value_delimiter = ',', value_name = "RESOURCE")]
    target: Vec<String>,
    /// Only look: exit with 3 when something was changed outside the program
    #[arg(long, env = "TERRANE_EXPECT_NO_CHANGES", hide_env = true)]
    expect_no_changes: bool,
    #[command(flatten)]
    consent: Consent,
}

pub(super) async fn run(context: &Context, arguments: &Args) -> Result<Exit> {
    let project = context.project()?;
    planning::known_stack(&project).await?;
    let session = project.session();
    if !arguments.expect_no_changes {
        apply::until_free(context, &session).await?;
        apply::recover(context, &session, "refresh").await?;
    }
    let options =
        PlanOptions { targets: arguments.target.clone(), refresh: Look::All, ..PlanOptions::new(Purpose::Up) };
    let mut patience = Patience::new(project.wait());
    loop {
        // Looking alone writes nothing, so that there is something to show before the question.
        let observed = context.looking(async |events| session.observe(&options, events).await).await?;
        show(context, &observed.report.drift)?;
        if arguments.expect_no_changes {
            return Ok(if observed.report.drift.is_empty() { Exit::Done } else { Exit::Changes });
        }
        if !observed.report.drift.is_empty() {
            confirm(context, "Let state follow?", arguments.consent).await?;
        }
        let followed = context.writing(async |events| Ok::<_, Error>(session.follow(observed, events).await)).await?;
        if let Some(report) = patience.unless_changed(context, followed, "looking")? {
            return told(context, &project, &report);
        }
    }
}

fn told(context: &Context, project: &Project, report: &RefreshReport) -> Result<Exit> {
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
        return context.stream.drift(drift);
    }
    let mut text: Text = render::drift::drift(drift);
    text.gap();
    context.terminal.out(text)
}
