//! What every command that plans shares: options, planning under a signal's eye, showing, checking.

use crate::{
    arguments::Planning,
    context::Context,
    error::{Error, Result},
    exit::Exit,
    project::Project,
    render::{self, Line, Text, Tone, units},
};
use std::time::Instant;
use terrane_core::{
    Plan,
    plan::{Op, Purpose},
};
use terrane_engine::{PlanOptions, Planned, Refresh, Session};

/// The engine's options for the flags.
pub(super) fn options(purpose: Purpose, flags: &Planning) -> Result<PlanOptions> {
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
pub(super) async fn plan(context: &Context, session: &Session, options: &PlanOptions) -> Result<Made> {
    let began = Instant::now();
    let progress = context.progress();
    let planned = context.or_interrupted(session.plan(options, progress.events())).await?;
    drop(progress);
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Made { planned, took_ms })
}

/// A stack that was named by hand and is known nowhere is a slip of the fingers; the first one, `dev`, makes itself.
pub(super) async fn known_stack(context: &Context, project: &Project) -> Result<()> {
    let Some(name) = context.globals.stack.as_ref().filter(|name| *name != "dev") else { return Ok(()) };
    let stacks = project.stacks().await?;
    if stacks.contains(name) || project.files.stack_file(name).exists() {
        return Ok(());
    }
    Err(Error::usage(format!("there is no stack `{name}`"))
        .nearest(name, &stacks)
        .hint(format!("`stack init {name}` makes it")))
}

/// Whether carrying it out would do anything that a person should agree to.
pub(super) fn is_idle(planned: &Planned) -> bool {
    !planned.plan.has_changes()
}

/// Shows a plan on stdout, and writes what was asked for besides; a plan with faults fails here.
pub(super) fn show(context: &Context, project: &Project, made: &Made, flags: &Planning) -> Result<()> {
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
pub(super) fn check(plan: &Plan, flags: &Planning) -> Result<()> {
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
pub(super) fn expected(context: &Context, planned: &Planned, flags: &Planning) -> Result<Exit> {
    if !flags.expect_no_changes || (is_idle(planned) && planned.drift.is_empty()) {
        return Ok(Exit::Done);
    }
    if !context.globals.json {
        let line = Line::new().with(Tone::Warning, "changes").add(", and none were expected");
        context.terminal.say(format_args!("{line}\n"));
    }
    Ok(Exit::Changes)
}
