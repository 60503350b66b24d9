//! What `up`, `destroy` and `import` share: recover, plan, show, ask, carry out, report.

use super::{
    ask::{Answer, ask},
    planning::{self, Made},
    saved::{self, Saved},
};
use crate::{
    arguments::{Planning, Running},
    context::Context,
    error::{Error, Result},
    exit::Exit,
    project::Project,
    render::{self, Line, Tone, report},
};
use terrane_core::{Plan, plan::Purpose};
use terrane_engine::{ApplyOptions, Ending, Error as Engine, Interrupt, PlanOptions, Planned, Report, Session, Unseen};

/// A plan that keeps turning out more destructive is shown so often.
const PLANS_MAX: usize = 5;

/// What is to be run.
pub(super) struct Run<'a> {
    pub(super) command: &'static str,
    pub(super) planning: &'a Planning,
    pub(super) running: &'a Running,
    pub(super) options: PlanOptions,
    /// The plan that was agreed to before.
    pub(super) saved: Option<Saved>,
    /// What the command insists on in a plan, before it is asked about.
    pub(super) insists: fn(&Plan) -> Result<()>,
}

/// Runs it to its end.
pub(super) async fn run(context: &Context, project: &Project, run: Run<'_>) -> Result<Exit> {
    planning::known_stack(context, project).await?;
    let session = project.session();
    until_free(context, &session).await?;
    for _ in 0..PLANS_MAX {
        let made = planning::plan(context, &session, &run.options).await?;
        if made.planned.state.is_cut_off() {
            recover(context, &session, run.command).await?;
            if let Some(to) = made.planned.state.next_name() {
                // Else all would be made once more, under the name of old.
                return Err(Engine::Renamed { stack: project.stack.clone(), to: to.to_owned() }.into());
            }
            continue;
        }
        planning::show(context, project, &made, run.planning)?;
        planning::check(&made.planned.plan, run.planning)?;
        (run.insists)(&made.planned.plan)?;
        if planning::expected(context, &made.planned, run.planning)? == Exit::Changes {
            return Ok(Exit::Changes);
        }
        if let Some(saved) = &run.saved {
            saved::compare(&saved.plan, &made.planned.plan)?;
        }
        if planning::is_idle(&made.planned) {
            return idle(context, project, &session, made, &run).await;
        }
        if !is_agreed(context, &made.planned.plan, &run).await? {
            context.terminal.say("Nothing was changed.\n");
            return Ok(Exit::Failed);
        }
        project.claim()?;
        let Some(report) = carried_out(context, &session, made.planned, &run).await? else { continue };
        if let Some(exit) = conclude(context, &report, &run)? {
            return Ok(exit);
        }
        if let Some(saved) = &run.saved {
            return save_next(context, project, &session, saved, &run.options).await;
        }
    }
    Err(Error::refused("the plan turned out more destructive each time")
        .hint(format!("look with `preview --refresh`, then run `{}` again", run.command)))
}

/// Waits for a stack that somebody else works on, where the flags say so: a plan from a state in motion would not hold.
pub(super) async fn until_free(context: &Context, session: &Session) -> Result<()> {
    let progress = context.progress();
    context.or_interrupted(session.until_free(progress.events())).await
}

/// The report, or nothing when somebody else has changed the state since the plan was made, which was then not begun: what there is to do is
/// shown, and agreed to, anew.
async fn carried_out(context: &Context, session: &Session, planned: Planned, run: &Run<'_>) -> Result<Option<Report>> {
    match carry_out(context, session, planned, run).await {
        Ok(report) => Ok(Some(report)),
        Err(Engine::Changed { .. }) if run.saved.is_none() => {
            let line = Line::new().with(Tone::Warning, "the state has changed meanwhile").add(": planning again");
            context.terminal.say(format_args!("{line}\n\n"));
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Brings what a crashed run left open to its end. The journal is safe at every moment, so a signal may end this too.
pub(super) async fn recover(context: &Context, session: &Session, command: &str) -> Result<()> {
    let progress = context.progress();
    let found = context.or_interrupted(session.recover(command, progress.events())).await?;
    drop(progress);
    // Each was told as it was found; the plan stands apart.
    if !found.is_empty() {
        context.terminal.say("\n");
    }
    Ok(())
}

/// Nothing to agree to; what state has to note, such as another option or export, is noted all the same.
async fn idle(context: &Context, project: &Project, session: &Session, made: Made, run: &Run<'_>) -> Result<Exit> {
    if !made.planned.needs_record() {
        return Ok(Exit::Done);
    }
    let exports = made.planned.state.exports.clone();
    project.claim()?;
    let report = carry_out(context, session, made.planned, run).await?;
    match report.ending {
        Ending::Done if report.exports != exports && !context.globals.json => {
            context.terminal.out(format_args!("\n{}", report::exports(&report.exports, false)))?;
            Ok(Exit::Done)
        }
        Ending::Done => Ok(Exit::Done),
        _ => Ok(conclude(context, &report, run)?.unwrap_or(Exit::Failed)),
    }
}

async fn is_agreed(context: &Context, plan: &Plan, run: &Run<'_>) -> Result<bool> {
    if run.running.yes || run.saved.is_some() {
        return Ok(true);
    }
    let question = match plan.purpose {
        Purpose::Up => "Apply?",
        Purpose::Destroy => "Destroy?",
    };
    loop {
        match ask(context, question, true).await? {
            Answer::Yes => return Ok(true),
            Answer::No => return Ok(false),
            Answer::Details => context.terminal.out(render::plan::plan(plan, context.view(true)))?,
        }
    }
}

async fn carry_out(
    context: &Context,
    session: &Session,
    planned: Planned,
    run: &Run<'_>,
) -> std::result::Result<Report, Engine> {
    let interrupt = Interrupt::default();
    let flags = run.running;
    let options = ApplyOptions {
        parallel: flags.parallel,
        continue_on_error: flags.continue_on_error,
        message: flags.message.clone(),
        interrupt: interrupt.clone(),
        // Who agreed to a saved plan has agreed to nothing else.
        unseen: if run.saved.is_some() { Unseen::Stop } else { Unseen::GoOn },
        ..ApplyOptions::default()
    };
    let progress = context.progress();
    let raising = context.signals.raise(&interrupt);
    let result = session.apply(planned, &options, progress.events()).await;
    drop((raising, progress));
    match result {
        Ok(report) => Ok(report),
        Err(Engine::Failed(report)) => Ok(*report),
        Err(error) => Err(error),
    }
}

/// Says how it ended; `None` when it has to be planned and asked anew.
fn conclude(context: &Context, report: &Report, run: &Run<'_>) -> Result<Option<Exit>> {
    if context.globals.json {
        context.stream.report(report)?;
    }
    if report.ending == Ending::Done {
        if !context.globals.json {
            context.terminal.out(report::success(report))?;
        }
        return Ok(Some(Exit::Done));
    }
    context.terminal.say(format_args!("\n{}", report::failed(report, run.command)));
    if report.ending == Ending::Unseen {
        return Ok(None);
    }
    let again = report.ending == Ending::NeedsApproval
        && context.terminal.is_interactive()
        && !run.running.yes
        && run.saved.is_none();
    if again {
        let line = Line::new().with(Tone::Warning, "planning again").add(", from what is there now");
        context.terminal.say(format_args!("\n{line}\n\n"));
        return Ok(None);
    }
    Ok(Some(match report.ending {
        Ending::Interrupted => Exit::Interrupted,
        Ending::NeedsApproval | Ending::Unseen => Exit::Refused,
        Ending::Done | Ending::Failed => Exit::Failed,
    }))
}

/// What a saved plan could not show, because it waited for values, is saved in turn.
async fn save_next(
    context: &Context,
    project: &Project,
    session: &Session,
    saved: &Saved,
    options: &PlanOptions,
) -> Result<Exit> {
    let made = planning::plan(context, session, options).await?;
    let path = saved.next();
    saved::write(&path, project, made.planned.plan).await?;
    let line =
        Line::plain(format!("What comes next is saved to {}: look at it, then `up --plan {0}`.", path.display()));
    context.terminal.say(format_args!("{line}\n"));
    Ok(Exit::Refused)
}
