//! `state doctor`: what is wrong with the state in plain words, what is lost, and what is safe to do. It works on a state that doesn't load.

use crate::{
    context::Context,
    error::Result,
    exit::Exit,
    project::Project,
    render::{
        Line, Text, Tone,
        units::{count, moment, some_of},
    },
};
use serde_json::json;
use terrane_core::{
    State,
    kind::Recovery,
    state::{Damage, Instance, Intent, Move},
};
use terrane_state::{Error as StateError, Held, RestorePoint};

/// So many names are told.
const NAMES_MAX: usize = 5;
/// So many restore points are tried, from the newest.
const POINTS_MAX: usize = 20;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// As it should be.
    Good,
    /// Something to know.
    Warning,
    /// Something is broken.
    Damage,
}

/// One thing that was found.
struct Finding {
    level: Level,
    text: String,
    /// What is safe to do about it, one step each.
    steps: Vec<String>,
}

impl Finding {
    fn new(level: Level, text: impl Into<String>) -> Self {
        Self { level, text: text.into(), steps: Vec::new() }
    }

    fn step(mut self, step: impl Into<String>) -> Self {
        self.steps.push(step.into());
        self
    }
}

pub(super) async fn run(context: &Context, project: &Project) -> Result<Exit> {
    let (name, stack) = (&project.name, &project.stack);
    let mut findings = Vec::new();
    let points = examined(project).await;
    // A place that can't be asked says so below.
    let held = project.store.held(name, stack).await.ok().flatten();
    findings.extend(held.as_ref().map(works));
    match project.store.read(name, stack).await {
        Ok(None) => findings.push(Finding::new(Level::Good, format!("stack `{stack}` has no state yet"))),
        Ok(Some(state)) => {
            findings.push(loads(&state));
            findings.extend(state.damage(name, stack).iter().take(POINTS_MAX).map(damaged));
            findings.extend(state.pending.values().map(|intent| open(intent, held.as_ref())));
            findings.extend(begun_moves(&state, stack));
            findings.extend(leftovers(&state));
        }
        Err(error) => findings.push(broken(&error, &points)),
    }
    findings.extend(kept(&points));
    findings.extend(old_keys(project).await);
    // A place that can't be asked has said so above.
    let advice = project.store.advice(name, stack).await.unwrap_or_default();
    findings.extend(advice.into_iter().map(|text| Finding::new(Level::Warning, text)));
    show(context, project, &findings)?;
    let is_broken = findings.iter().any(|finding| finding.level == Level::Damage);
    Ok(if is_broken { Exit::Failed } else { Exit::Done })
}

fn loads(state: &State) -> Finding {
    let (records, resources) =
        (count(usize::try_from(state.seq).unwrap_or(usize::MAX), "record"), count(state.live.len(), "resource"));
    Finding::new(Level::Good, format!("it loads: {records}, {resources}, lineage {}", state.lineage.as_str()))
}

/// The restore points, newest first, each with the number of its resources if it can be read.
async fn examined(project: &Project) -> Vec<(RestorePoint, Result<usize, StateError>)> {
    let (name, stack) = (&project.name, &project.stack);
    let points = project.store.restore_points(name, stack).await.unwrap_or_default();
    let mut examined = Vec::new();
    for point in points.into_iter().rev().take(POINTS_MAX) {
        let read = project.store.read_at(name, stack, point.seq).await;
        examined.push((point, read.map(|state| state.live.len())));
    }
    examined
}

/// The state doesn't load: what can be had instead.
fn broken(error: &StateError, points: &[(RestorePoint, Result<usize, StateError>)]) -> Finding {
    let finding = Finding::new(Level::Damage, format!("it does not load: {error}"));
    if !error.is_damage() {
        let is_locked = matches!(error, StateError::Secret(_));
        return if is_locked {
            finding.step("the state itself is whole: what is missing is the way to its secrets")
        } else {
            finding
        };
    }
    let finding =
        finding.step("nothing was changed, and nothing will be: no command writes to a state that doesn't load");
    for (point, read) in points {
        if let Ok(resources) = read {
            let (when, resources) = (moment(point.at_ms), count(*resources, "resource"));
            return finding
                .step(format!("restore point {} of {when} is whole ({resources}); what came after it is lost", point.seq))
                .step(format!("1. `state export --at {} saved.json` writes it to a file", point.seq))
                .step("2. `state repair --set-aside` puts the damaged state out of the way, whole")
                .step("3. `state import saved.json` begins the stack anew from it")
                .step("4. `refresh` lets it follow what has changed since; look for objects with the tag terrane:stack that it doesn't know");
        }
    }
    finding
        .step("no restore point of it can be read: bring what is missing or damaged back from a backup")
        .step("or `state repair --set-aside`, and `state recover --from URL` takes the state over from a copy, such as a bucket's replica")
}

fn damaged(damage: &Damage) -> Finding {
    let finding = Finding::new(Level::Damage, damage.to_string());
    match damage {
        Damage::Dangling { .. } => finding.step("`state repair` drops the edge; nothing is lost"),
        Damage::Circle { .. } => finding
            .step("`stack rollback` to a restore point from before it, or `state rm` and `import` of the resources"),
        Damage::Misplaced { key, .. } => finding.step(format!(
            "`stack rollback` to a restore point from before it, or `state rm {key}` and `import` of the resource"
        )),
        Damage::Foreign { .. } => {
            finding.step("`state export`, then `state import` into this stack gives every resource its URN")
        }
        Damage::NoProvider { .. } => {
            finding.step("`stack rollback` to a restore point from before it; without it the object can't be deleted")
        }
        Damage::SameObject { .. } => finding.step("find out whose the object is, and `state rm` the other"),
    }
}

/// An operation that has begun: as long as somebody works on the stack it is theirs, and else a cut-off run has left it.
fn open(intent: &Intent, held: Option<&Held>) -> Finding {
    let label = intent.urn.label();
    match held {
        Some(_) => Finding::new(Level::Good, format!("{label}: its {} is under way", intent.action.verb())),
        None => Finding::new(Level::Warning, format!("{label}: {}", intent.outlook(Recovery::Find)))
            .step("`up` or `refresh` does that first"),
    }
}

/// Moves from and to other stacks that were cut off.
fn begun_moves(state: &State, stack: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for begun in state.moves.values() {
        let text = match begun {
            Move::Leaving { to, urns, .. } => {
                format!("a move of {} to stack `{to}` was cut off", count(urns.len(), "resource"))
            }
            Move::Arrived { from } => format!("a move from stack `{from}` was cut off after its resources had arrived"),
            Move::Renamed { to } => {
                let finding = Finding::new(Level::Warning, format!("the stack is called `{to}` now"));
                findings.push(finding.step(format!("`--stack {to}` works on it; `stack rm {stack}` frees the name")));
                continue;
            }
        };
        findings.push(Finding::new(Level::Warning, text).step("`up` or `refresh` of either stack finishes it"));
    }
    findings
}

/// What the next `up` still has to do.
fn leftovers(state: &State) -> Vec<Finding> {
    let mut findings = Vec::new();
    let labels = |which: &mut dyn Iterator<Item = &Instance>| which.map(|it| it.urn.label()).collect::<Vec<_>>();
    let mut note = |labels: Vec<String>, what: &str, step: &str| {
        if !labels.is_empty() {
            let names = some_of(&labels, NAMES_MAX);
            findings.push(
                Finding::new(Level::Warning, format!("{}: {names}", what.replace("{}", &labels.len().to_string())))
                    .step(step),
            );
        }
    };
    let condemned = labels(&mut state.condemned.values().map(AsRef::as_ref));
    note(condemned, "objects that were replaced and are still to be deleted ({})", "`up` deletes them");
    let unsettled = labels(&mut state.live.values().map(AsRef::as_ref).filter(|it: &&Instance| it.unsettled));
    note(unsettled, "resources whose last create or update did not come to its end ({})", "`up` updates them");
    findings
}

/// Whether the restore points can be relied on.
fn kept(points: &[(RestorePoint, Result<usize, StateError>)]) -> Vec<Finding> {
    let Some((newest, _)) = points.first() else { return Vec::new() };
    let mut findings = Vec::new();
    for (RestorePoint { seq, at_ms, .. }, read) in points {
        if let Err(error) = read
            && !matches!(error, StateError::Secret(_))
        {
            let text = format!("restore point {seq} of {} can't be read: {error}", moment(*at_ms));
            findings.push(
                Finding::new(Level::Damage, text)
                    .step("the present state does not need it; it can't be rolled back to"),
            );
        }
    }
    let kept = count(points.len(), "restore point");
    findings.push(Finding::new(
        Level::Good,
        format!("{kept}, the newest is record {} of {}", newest.seq, moment(newest.at_ms)),
    ));
    findings
}

fn works(held: &Held) -> Finding {
    Finding::new(Level::Good, format!("{} works on it", held.holder)).step("`--wait-lock 10m` waits until that is done")
}

/// Keys that were rotated away and may still open something.
async fn old_keys(project: &Project) -> Option<Finding> {
    let keys = project.store.keys(&project.name, &project.stack).await.ok()??;
    let old = keys.older_keys();
    let text = format!("{} remembered beside the present one, {}", count(old, "former key"), keys.key_id());
    let step = "restore points and exports from before the last `secrets rotate` are under them; those who had them can read these";
    (old > 0).then(|| Finding::new(Level::Warning, text).step(step))
}

fn show(context: &Context, project: &Project, findings: &[Finding]) -> Result<()> {
    if context.globals.json {
        return findings.iter().try_for_each(|finding| {
            let level = match finding.level {
                Level::Good => "good",
                Level::Warning => "warning",
                Level::Damage => "damage",
            };
            context.terminal.out_line(json!({"level": level, "text": finding.text, "steps": finding.steps}))
        });
    }
    let mut text = Text::new();
    let heading = Line::new().with(Tone::Strong, format!("{} / {}", project.name, project.stack));
    text.line(heading.add(format!(" · {}", project.place())));
    for finding in findings {
        let (tone, symbol) = match finding.level {
            Level::Good => (Tone::Added, "✓"),
            Level::Warning => (Tone::Warning, "!"),
            Level::Damage => (Tone::Removed, "✗"),
        };
        text.line(Line::plain("  ").with(tone, symbol).add(format!(" {}", finding.text)));
        for step in &finding.steps {
            text.line(Line::plain("      ").add(step));
        }
    }
    context.terminal.out(text)
}
