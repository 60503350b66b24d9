//! One step of a plan as a row: its symbol, what is said beside it and what below it.

use super::{
    because,
    text::{Line, Tone},
    value,
};
use serde_json::Value;
use terrane_core::plan::{Change, Op, Plan, Shown, Step, Why};

/// How much is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// The columns there are.
    pub(crate) columns: usize,
    /// Every input, and nothing folded.
    pub(crate) diff: bool,
    /// Resources without a change, too.
    pub(crate) unchanged: bool,
}

/// One row of the tree.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) symbol: &'static str,
    pub(crate) tone: Tone,
    pub(crate) uncertain: bool,
    pub(crate) name: String,
    pub(crate) kind: String,
    /// Stands beside the kind and is cut where the line ends.
    pub(crate) detail: Line,
    /// Stand below the row, or beside the kind when it is one that fits.
    pub(crate) changes: Vec<Line>,
    /// Stand below the row.
    pub(crate) below: Vec<Line>,
    /// Rows with the same shape say the same.
    pub(crate) shape: String,
}

/// Whether a step takes something away that exists.
pub(crate) fn is_destructive(step: &Step) -> bool {
    matches!(step.op, Op::Replace { .. } | Op::Delete)
}

/// Whether a step is refused because the resource is protected.
pub(crate) fn is_refused(step: &Step) -> bool {
    is_destructive(step) && step.kept.protected
}

/// The symbol of a step, and its colour.
pub(crate) fn symbol(step: &Step) -> (&'static str, Tone) {
    match step.op {
        _ if is_refused(step) => ("!", Tone::Warning),
        Op::Create => ("+", Tone::Added),
        Op::Import => ("<", Tone::Added),
        Op::Update => ("~", Tone::Changed),
        Op::Replace { delete_first: false } => ("±", Tone::Removed),
        Op::Replace { delete_first: true } => ("∓", Tone::Removed),
        Op::Delete => ("-", Tone::Removed),
        Op::Forget => ("-", Tone::Warning),
        Op::Same if step.moved_from.is_some() => ("→", Tone::Changed),
        Op::Same => ("·", Tone::Dim),
    }
}

/// The row of a step.
pub(crate) fn row(plan: &Plan, step: &Step, view: View) -> Row {
    let (symbol, tone) = symbol(step);
    // Of a new resource everything is new.
    let differences = if step.op == Op::Create { &[] } else { step.changes.as_slice() };
    let mut changes = value::changes(differences, view.diff);
    if view.diff {
        changes.extend(untouched_inputs(step));
    }
    let detail = detail(step, view, changes.is_empty());
    let said: Vec<String> = changes.iter().chain([&detail]).map(Line::unstyled).collect();
    let shape = match step.op {
        Op::Create => format!("{symbol} {} {}", step.urn.kind(), input_names(step).join(",")),
        _ => format!("{symbol}{} {} {}", step.uncertain, step.urn.kind(), elsewhere(&said.join("\n"), step)),
    };
    let (name, kind) = (step.urn.name().to_owned(), step.urn.kind().to_owned());
    let below = because::lines(plan, step);
    Row { symbol, tone, uncertain: step.uncertain, name, kind, detail, changes, below, shape }
}

/// What is said of a step, as it would be in any other scope.
fn elsewhere(said: &str, step: &Step) -> String {
    match step.urn.scope() {
        "" => said.to_owned(),
        scope => said.replace(scope, "<scope>"),
    }
}

fn detail(step: &Step, view: View, nothing_else: bool) -> Line {
    let moved = step.moved_from.as_ref().map(|from| format!("was {}", from.label()));
    let words = match step.op {
        _ if is_refused(step) => vec![format!("protected: would be {}d; refused", step.op.word())],
        Op::Create if view.diff => Vec::new(),
        Op::Create => return brief_inputs(step),
        Op::Import => vec![format!("adopts {}", step.import.as_deref().unwrap_or("the existing object"))],
        Op::Forget => vec!["leaves the state; the object stays where it is".to_owned()],
        Op::Delete | Op::Update | Op::Replace { .. } | Op::Same => {
            step.why.iter().filter_map(|why| reason(why, step, nothing_else)).collect()
        }
    };
    Line::plain(words.into_iter().chain(moved).collect::<Vec<_>>().join("; "))
}

/// Why a step happens, as far as its changes don't say it.
fn reason(why: &Why, step: &Step, nothing_else: bool) -> Option<String> {
    Some(match why {
        Why::New | Why::Destroyed | Why::Input { .. } => return None,
        Why::Awaits { .. } if !nothing_else => return None,
        Why::Awaits { name, on, field } => format!("{name}: known after {}.{field}", on.label()),
        Why::LeftProgram if step.site.is_empty() => "no longer in the program".to_owned(),
        Why::LeftProgram => format!("no longer in the program (was {})", step.site),
        Why::Place { setting } => format!("its provider's {setting} has changed"),
        Why::ReplacedWith(other) => format!("replaced with {}", other.label()),
        Why::Trigger => "the value that it is replaced with has changed".to_owned(),
        Why::Asked => "asked for".to_owned(),
        Why::Unsettled => "its last create or update did not come to its end".to_owned(),
        Why::Drifted => "was changed outside the program".to_owned(),
        Why::Gone => "the real object is gone".to_owned(),
        Why::Condemned => "the old object of an earlier replacement".to_owned(),
    })
}

fn input_names(step: &Step) -> Vec<&str> {
    let mut names: Vec<&str> = step.inputs.values.keys().chain(step.unknown.keys()).map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// What tells a new resource from its like: what the program says of it, as far as it is one short value.
fn brief_inputs(step: &Step) -> Line {
    let simple = |change: &&Change| match &change.after {
        Shown::Value(Value::Object(_) | Value::Array(_)) | Shown::Unknown(_) | Shown::Absent => false,
        Shown::Value(Value::String(text)) => !text.is_empty() && text.chars().count() <= 40,
        Shown::Value(_) | Shown::Secret | Shown::Hidden => true,
    };
    let text = |shown: &Shown| match shown {
        Shown::Value(value) => value::brief(value),
        other => other.to_string(),
    };
    let each = step.changes.iter().filter(simple).enumerate();
    each.fold(Line::new(), |line, (index, change)| {
        let line = line.add(if index > 0 { ", " } else { "" });
        line.with(Tone::Dim, format!("{}: ", change.path)).add(text(&change.after))
    })
}

/// The inputs that no change names.
fn untouched_inputs(step: &Step) -> Vec<Line> {
    let masked = step.inputs.masked();
    let of_input = |path: &str, name: &str| {
        path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let touched = |name: &str| step.op != Op::Create && step.changes.iter().any(|change| of_input(&change.path, name));
    let known = masked.iter().map(|(name, value)| (name, value::brief(value)));
    let all = known.chain(step.unknown.iter().map(|(name, after)| (name, after.clone())));
    let line = |(name, text): (&String, String)| Line::new().with(Tone::Dim, format!("{name}: ")).add(text);
    all.filter(|(name, _)| !touched(name)).map(line).collect()
}
