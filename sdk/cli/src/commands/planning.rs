//! What every command that plans shares: options, planning under a signal's eye, showing, checking.

use crate::{
    context::Context,
    error::{Error, Result},
    exit::Exit,
    project::Project,
    render::{self, Line, Text, Tone, units},
};
use std::{path::PathBuf, time::Instant};
use terrane_core::{
    Note, Plan,
    plan::{Op, Purpose},
};
use terrane_engine::{PlanOptions, Planned, Refresh, Session};

/// What a plan is made of.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Planning")]
#[group(skip)]
pub(crate) struct Flags {
    /// Show every input, and fold nothing
    #[arg(long, env = "TERRANE_DIFF", hide_env = true)]
    pub(crate) diff: bool,
    /// Only these resources and what they need; `*` stands for any text
    #[arg(long, short, env = "TERRANE_TARGET", hide_env = true, value_delimiter = ',', value_name = "RESOURCE")]
    pub(crate) target: Vec<String>,
    /// Not these resources, nor what needs them
    #[arg(long, short = 'x', env = "TERRANE_EXCLUDE", hide_env = true, value_delimiter = ',', value_name = "RESOURCE")]
    pub(crate) exclude: Vec<String>,
    /// Look at every real object before planning
    #[arg(long, env = "TERRANE_REFRESH", hide_env = true, overrides_with = "no_refresh")]
    pub(crate) refresh: bool,
    /// Look at no real object before planning
    #[arg(long, env = "TERRANE_NO_REFRESH", hide_env = true)]
    pub(crate) no_refresh: bool,
    /// Exit with 3 when there is anything to do, or when something was changed outside the program
    #[arg(long, env = "TERRANE_EXPECT_NO_CHANGES", hide_env = true)]
    pub(crate) expect_no_changes: bool,
    /// Insist on what the program claims, such as survives=region; exit with 5 when it doesn't hold
    #[arg(long, env = "TERRANE_CHECK", hide_env = true, value_delimiter = ',', value_name = "NAME=VALUE")]
    pub(crate) check: Vec<String>,
    /// Write the plan as Markdown, for a comment on a pull request
    #[arg(long, env = "TERRANE_SUMMARY", hide_env = true, value_name = "FILE")]
    pub(crate) summary: Option<PathBuf>,
}

/// The engine's options for the flags.
pub(super) fn options(purpose: Purpose, flags: &Flags) -> Result<PlanOptions> {
    for claim in &flags.check {
        if !claim.contains('=') {
            return Err(Error::usage(format!("--check {claim}: a claim reads NAME=VALUE, such as survives=region")));
        }
    }
    let refresh = match (flags.refresh, flags.no_refresh) {
        (true, _) => Refresh::All,
        (_, true) => Refresh::Never,
        _ => Refresh::Cheap,
    };
    let (targets, excludes) = (flags.target.clone(), flags.exclude.clone());
    Ok(PlanOptions { targets, excludes, refresh, ..PlanOptions::new(purpose) })
}

/// A plan, and how long it took to make.
pub(super) struct Made {
    pub(super) planned: Planned,
    took_ms: u64,
}

/// Plans; nothing is held meanwhile, so the first signal ends it.
pub(super) async fn plan(
    context: &Context,
    project: &Project,
    session: &Session,
    options: &PlanOptions,
) -> Result<Made> {
    let began = Instant::now();
    let mut planned = context.looking(async |events| session.plan(options, events).await).await?;
    planned.plan.notes.extend(lost_together(project, &planned));
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Made { planned, took_ms })
}

/// A state in a region that the stack has resources in would be lost at the moment when it is needed most.
fn lost_together(project: &Project, planned: &Planned) -> Option<Note> {
    let region = project.state_region().filter(|_| planned.plan.purpose == Purpose::Up)?;
    planned.regions().contains(&region).then(|| Note::Warning {
        subject: "state".to_owned(),
        text: format!(
            "its bucket is in {region}, and so are resources of this stack: without the region nobody could bring them up elsewhere. Keep it in \
             another region, or have it replicated to one, for `state recover --from`"
        ),
    })
}

/// A stack that is known nowhere is a slip of the fingers, or another name of what somebody has removed; the first one, `dev`, makes itself.
pub(super) async fn known_stack(project: &Project) -> Result<()> {
    let name = &project.stack;
    if project.is_default() || project.files.stack_file(name).exists() {
        return Ok(());
    }
    let stacks = project.stacks().await?;
    if stacks.contains(name) {
        return Ok(());
    }
    Err(Error::no_stack(name, &stacks).hint(format!("`stack init {name}` makes it")))
}

/// Whether carrying it out would do anything that a person should agree to.
pub(super) fn is_idle(planned: &Planned) -> bool {
    !planned.plan.has_changes()
}

/// Shows a plan on stdout, and writes what was asked for besides; a plan with faults fails here.
pub(super) fn show(context: &Context, project: &Project, made: &Made, flags: &Flags) -> Result<()> {
    let plan = &made.planned.plan;
    if let Some(path) = &flags.summary {
        let page = render::markdown::plan_summary(plan);
        std::fs::write(path, page).map_err(|error| Error::file("write", path, &error))?;
    }
    if context.globals.json {
        context.stream.planned(plan)?;
    }
    if !context.globals.json {
        context.terminal.out(text(context, project, made, flags.diff))?;
    }
    if plan.faults.is_empty() { Ok(()) } else { Err(Error::of_faults(plan.faults.clone())) }
}

fn text(context: &Context, project: &Project, made: &Made, diff: bool) -> Text {
    let Planned { plan, drift, .. } = &made.planned;
    let mut text = Text::new();
    if is_idle(&made.planned) && !context.globals.verbose {
        text.append(render::drift::drift(drift));
        if plan.faults.is_empty() {
            text.block(idle(plan, made.took_ms).into());
        }
        return text;
    }
    text.append(render::plan::heading(plan, &project.place()).into());
    text.block(render::drift::drift(drift));
    text.block(render::plan::plan(plan, context.view(diff)));
    // Whatever follows, a question, a run or an error, stands apart.
    text.gap();
    text
}

/// `shop / dev: no changes. 23 resources, checked in 0.08 s.`
fn idle(plan: &Plan, took_ms: u64) -> Line {
    let resources = plan.steps.iter().filter(|step| step.op == Op::Same).count();
    let nothing = match plan.purpose {
        Purpose::Up => "no changes",
        Purpose::Destroy => "nothing to destroy",
    };
    let line = Line::new().with(Tone::Strong, format!("{} / {}", plan.project, plan.stack));
    let (resources, took) = (units::count(resources, "resource"), units::duration(took_ms));
    line.add(format!(": {nothing}. {resources}, checked in {took}."))
}

/// Insists on claims.
pub(super) fn check(plan: &Plan, flags: &Flags) -> Result<()> {
    for wanted in &flags.check {
        let mut claims = plan.claims.iter().filter(|claim| claim.name == *wanted).peekable();
        if claims.peek().is_none() {
            let known: Vec<String> = plan.claims.iter().map(|claim| claim.name.clone()).collect();
            return Err(Error::usage(format!("the program makes no claim `{wanted}`")).nearest(wanted, &known));
        }
        if let Some(claim) = claims.find(|claim| !claim.holds) {
            return Err(Error::refused(format!("{}: `{wanted}` does not hold", claim.subject)).detail(&claim.why));
        }
    }
    Ok(())
}

/// The status of a command that was told to expect nothing.
pub(super) fn expected(context: &Context, planned: &Planned, flags: &Flags) -> Result<Exit> {
    if !flags.expect_no_changes || (is_idle(planned) && planned.drift.is_empty()) {
        return Ok(Exit::Done);
    }
    if !context.globals.json {
        let line = Line::new().with(Tone::Warning, "changes").add(", and none were expected");
        context.terminal.say(format_args!("{line}\n"));
    }
    Ok(Exit::Changes)
}
