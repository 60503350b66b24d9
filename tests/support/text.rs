//! Plans, calls and reports as short lines for snapshots.

use terrane::{
    Fault,
    plan::{Change, Op, Plan, Step},
};
use terrane_engine::{Error, Report};

/// What a plan would do; what stays as it is isn't mentioned.
pub(crate) fn plan(plan: &Plan) -> String {
    let mut lines: Vec<String> = plan.steps.iter().filter_map(step).collect();
    for waiting in &plan.waiting {
        let on: Vec<String> = waiting.on.iter().map(terrane::Urn::label).collect();
        let held: Vec<String> = waiting.held.iter().map(terrane::Urn::label).collect();
        let held = if held.is_empty() { String::new() } else { format!(", holds {}", held.join(", ")) };
        lines.push(format!("? {} waits for {}{held}", waiting.scope, on.join(", ")));
    }
    lines.extend(plan.notes.iter().map(|note| format!("note {note:?}")));
    lines.extend(plan.faults.iter().map(fault));
    section("plan", &lines)
}

fn step(step: &Step) -> Option<String> {
    let moved = step.moved_from.as_ref().map(|from| format!(" (was {})", from.label())).unwrap_or_default();
    let word = match step.op {
        Op::Same if moved.is_empty() && !step.noted => return None,
        Op::Same if step.noted && moved.is_empty() => "note".to_owned(),
        Op::Same => "move".to_owned(),
        Op::Replace { delete_first: true } => "replace, delete first".to_owned(),
        op => op.word().to_owned(),
    };
    let may = if step.uncertain { "may " } else { "" };
    let shown: Vec<String> = match step.op {
        Op::Create => Vec::new(),
        _ => step.changes.iter().map(change).collect(),
    };
    let why: Vec<String> = step.why.iter().map(ToString::to_string).collect();
    let why = if step.op == Op::Create { String::new() } else { format!(" because {}", why.join("; ")) };
    let why = if why == " because " { String::new() } else { why };
    let shown = if shown.is_empty() { String::new() } else { format!(": {}", shown.join(", ")) };
    Some(format!("{may}{word} {}{moved}{shown}{why}", step.urn.label()))
}

fn change(change: &Change) -> String {
    format!("{} {} -> {}", change.path, change.before, change.after)
}

/// A fault with what to do and where, without line numbers.
pub(crate) fn fault(fault: &Fault) -> String {
    let help = fault.help.as_ref().map(|help| format!(" (try: {help})")).unwrap_or_default();
    let sites = if fault.sites.is_empty() { String::new() } else { format!(" at {} sites", fault.sites.len()) };
    format!("{} {}{help}{sites}", fault.code, fault.message)
}

/// The calls in their order.
pub(crate) fn calls(calls: &[String]) -> String {
    section("calls", calls)
}

/// How a run ended.
pub(crate) fn report(report: &Report) -> String {
    let counts = report.counts;
    let counts = [
        (counts.create, "created"),
        (counts.update, "updated"),
        (counts.replace, "replaced"),
        (counts.delete, "deleted"),
        (counts.import, "imported"),
        (counts.forget, "forgotten"),
    ];
    let counts: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let mut lines = vec![format!("{:?} {}", report.ending, counts.join(", ")).trim_end().to_owned()];
    lines.extend(report.recovered.iter().map(|text| format!("recovered {}", without_times(text))));
    for failure in &report.failures {
        let help = failure.help.as_ref().map(|help| format!(" (try: {help})")).unwrap_or_default();
        let code = failure.code.as_ref().map(|code| format!("{code} ")).unwrap_or_default();
        let message = without_lines(&failure.message);
        lines.push(format!("failed {} {}: {code}{message}{help}", failure.verb, failure.urn.label()));
    }
    lines.extend(report.unapproved.iter().map(|(urn, why)| format!("not approved {}: {why}", urn.label())));
    let skipped: Vec<String> = report.not_started.iter().map(terrane::Urn::label).collect();
    if !skipped.is_empty() {
        lines.push(format!("not started {}", skipped.join(", ")));
    }
    let open: Vec<String> = report.open.iter().map(terrane::Urn::label).collect();
    if !open.is_empty() {
        lines.push(format!("open {}", open.join(", ")));
    }
    lines.extend(report.exports.masked().iter().map(|(name, value)| format!("export {name} = {value}")));
    section("report", &lines)
}

/// A refusal.
pub(crate) fn error(error: &Error) -> String {
    match error {
        Error::Refused { faults } => section("refused", &faults.iter().map(fault).collect::<Vec<_>>()),
        Error::Cut { error, report: done } => report(done) + &section("error", &[error.to_string()]),
        error => section("error", &[without_lines(&error.to_string())]),
    }
}

/// Leaves out the numbers of lines, which change with every edit of a story.
fn without_lines(text: &str) -> String {
    let mut parts = text.split(".rs:");
    let mut all = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        all += ".rs:…";
        all += part.trim_start_matches(|digit: char| digit.is_ascii_digit());
    }
    all
}

/// Leaves out when the run began that was cut off.
pub(crate) fn without_times(text: &str) -> String {
    let Some((before, after)) = text.split_once("the run of ") else { return text.to_owned() };
    let rest = after.get("2026-11-21 14:02:07".len()..).unwrap_or_default();
    format!("{before}the run of …{rest}")
}

fn section(name: &str, lines: &[String]) -> String {
    match lines.is_empty() {
        true => String::new(),
        false => format!("{name}\n{}", lines.iter().map(|line| format!("  {line}\n")).collect::<String>()),
    }
}
