//! What `up`, `destroy` and `import` share: recover, plan, show, ask, carry out, report.

use super::{
    ask::{Answer, Consent, ask},
    planning::{self, Made},
    saved::{self, Saved},
};
use crate::{
    context::Context,
    error::{Error, Result},
    exit::Exit,
    project::Project,
    render::{self, Line, Tone, report},
};
use std::time::{Duration, Instant};
use terrane_core::{Plan, Properties, plan::Purpose};
use terrane_engine::{ApplyOptions, Ending, Error as Engine, Interrupt, PlanOptions, Planned, Report, Session, Unseen};

/// A plan that keeps turning out more destructive, or that others keep overtaking, is made so often.
const PLANS_MAX: usize = 5;

/// How a plan is carried out.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Running")]
#[group(skip)]
pub(crate) struct Flags {
    #[command(flatten)]
    pub(crate) consent: Consent,
    /// How many steps run at the same time
    #[arg(long, short, env = "TERRANE_PARALLEL", hide_env = true, default_value_t = terrane_engine::PARALLEL,
        value_parser = parallel, value_name = "NUMBER")]
    pub(crate) parallel: usize,
    /// When a step fails, still run those that don't depend on it
    #[arg(long, env = "TERRANE_CONTINUE_ON_ERROR", hide_env = true)]
    continue_on_error: bool,
    /// What the run is about; kept in the history
    #[arg(
        long,
        short,
        env = "TERRANE_MESSAGE",
        hide_env = true,
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT"
    )]
    message: String,
}

fn parallel(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=10_000) => Ok(number),
        _ => Err("a number from 1 to 10000 is needed".to_owned()),
    }
}

/// What is to be run.
pub(super) struct Run<'a> {
    pub(super) command: &'static str,
    pub(super) planning: &'a planning::Flags,
    pub(super) running: &'a Flags,
    pub(super) options: PlanOptions,
    /// The plan that was agreed to before.
    pub(super) saved: Option<Saved>,
    /// What the command insists on in a plan, before it is asked about.
    pub(super) insists: fn(&Plan) -> Result<()>,
}

/// Runs it to its end.
pub(super) async fn run(context: &Context, project: &Project, run: Run<'_>) -> Result<Exit> {
    planning::known_stack(project).await?;
    let session = project.session();
    until_free(context, &session).await?;
    let mut patience = Patience::new(project.wait());
    let mut plans = 0;
    while plans < PLANS_MAX {
        let made = prepared(context, project, &session, &run).await?;
        planning::show(context, project, &made, run.planning)?;
        planning::check(&made.planned.plan, run.planning)?;
        (run.insists)(&made.planned.plan)?;
        if planning::expected(context, &made.planned, run.planning)? == Exit::Changes {
            return Ok(Exit::Changes);
        }
        if let Some(saved) = &run.saved {
            saved::compare(&saved.plan, &made.planned.plan)?;
        }
        let is_idle = planning::is_idle(&made.planned);
        if is_idle && !made.planned.needs_record() {
            return Ok(Exit::Done);
        }
        if !is_idle {
            agree(context, &made.planned.plan, &run).await?;
        }
        project.claim()?;
        let exports = made.planned.state.exports.clone();
        let Some(report) = carried_out(context, &session, made.planned, &run, &mut patience).await? else { continue };
        if is_idle && report.ending == Ending::Done {
            return noted(context, &report, &exports);
        }
        if let Some(exit) = conclude(context, &report, &run)? {
            return Ok(exit);
        }
        if let Some(saved) = &run.saved {
            return save_next(context, project, &session, saved, &run.options).await;
        }
        plans += 1;
    }
    Err(Error::refused("the plan turned out more destructive each time")
        .hint(format!("look with `preview --refresh`, then run `{}` again", run.command)))
}

/// How often work begins anew because others have changed the state meanwhile: as long as the flags say to wait for them, and some times.
pub(super) struct Patience {
    until: Instant,
    times: usize,
}

impl Patience {
    pub(super) fn new(wait: Duration) -> Self {
        Self { until: Instant::now() + wait, times: 0 }
    }

    /// What came of work on the state; nothing when others have changed it before, so that none of it was done. Says so.
    pub(super) fn unless_changed<T>(
        &mut self,
        context: &Context,
        result: std::result::Result<T, Engine>,
        what: &str,
    ) -> Result<Option<T>> {
        self.times += 1;
        match result {
            Err(Engine::Changed { .. }) if self.times < PLANS_MAX || Instant::now() < self.until => {
                let line = Line::new().with(Tone::Warning, "the state has changed meanwhile");
                context.terminal.say(format_args!("{}\n\n", line.add(format!(": {what} again"))));
                Ok(None)
            }
            result => Ok(Some(result?)),
        }
    }
}

/// The report, or nothing when others have changed the state since the plan was made: what there is to do is shown, and agreed to, anew.
async fn carried_out(
    context: &Context,
    session: &Session,
    planned: Planned,
    run: &Run<'_>,
    patience: &mut Patience,
) -> Result<Option<Report>> {
    let report = carry_out(context, session, planned, run).await;
    if let Err(Engine::Cut { report, .. }) = &report {
        // Why it could not go on is told after what it had done by then.
        conclude(context, report, run)?;
    }
    match run.saved {
        // Who agreed to a saved plan has agreed to no other.
        Some(_) => Ok(Some(report?)),
        None => patience.unless_changed(context, report, "planning"),
    }
}

/// A plan from a state in which nothing is open: as the engine prepares one, and a signal ends the planning at once, but not the recovery.
async fn prepared(context: &Context, project: &Project, session: &Session, run: &Run<'_>) -> Result<Made> {
    let made = planning::plan(context, project, session, &run.options).await?;
    if !made.planned.state.is_cut_off() {
        return Ok(made);
    }
    recover(context, session, run.command).await?;
    planning::plan(context, project, session, &run.options).await
}

/// Waits for a stack that somebody else works on, where the flags say so: a plan from a state in motion would not hold.
pub(super) async fn until_free(context: &Context, session: &Session) -> Result<()> {
    context.looking(async |events| session.until_free(events).await).await
}

/// Brings what a crashed run left open to its end.
pub(super) async fn recover(context: &Context, session: &Session, command: &str) -> Result<()> {
    let found = context.writing(async |events| session.recover(command, events).await).await?;
    // Each was told as it was found; the plan stands apart.
    if !found.is_empty() {
        context.terminal.say("\n");
    }
    Ok(())
}

/// Nothing had to be agreed to: state has noted something, such as another option or export, and exports that are new are shown.
fn noted(context: &Context, report: &Report, former: &Properties) -> Result<Exit> {
    if report.exports != *former && !context.globals.json {
        context.terminal.out(format_args!("\n{}", report::exports(&report.exports, false)))?;
    }
    Ok(Exit::Done)
}

async fn agree(context: &Context, plan: &Plan, run: &Run<'_>) -> Result<()> {
    if run.running.consent.yes || run.saved.is_some() {
        return Ok(());
    }
    let question = match plan.purpose {
        Purpose::Up => "Apply?",
        Purpose::Destroy => "Destroy?",
    };
    loop {
        match ask(context, question, true).await? {
            Answer::Yes => return Ok(()),
            Answer::No => return Err(Error::declined()),
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
        command: Some(run.command),
        interrupt: interrupt.clone(),
        // Who agreed to a saved plan has agreed to nothing else.
        unseen: if run.saved.is_some() { Unseen::Stop } else { Unseen::GoOn },
        ..ApplyOptions::default()
    };
    context.begin_to_write();
    let progress = context.progress();
    let raising = context.signals.raise(&interrupt);
    let result = session.apply(planned, &options, progress.events()).await;
    drop((raising, progress));
    result
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
        && !run.running.consent.yes
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
    let made = planning::plan(context, project, session, options).await?;
    let path = saved.next();
    saved::write(&path, project, made.planned.plan).await?;
    let line =
        Line::plain(format!("What comes next is saved to {}: look at it, then `up --plan {0}`.", path.display()));
    context.terminal.say(format_args!("{line}\n"));
    Ok(Exit::Refused)
}
