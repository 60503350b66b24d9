//! The end of a run: what it gave, what it did, how long it took; and when it failed, what was done and what to type next.

use super::{
    faults, summary,
    text::{Line, Text, Tone, width},
    units::{duration, some_of},
    value,
};
use serde_json::Value;
use std::collections::BTreeMap;
use terrane_core::{Properties, Urn};
use terrane_engine::{Ending, Failure, Report};

/// A run that took longer says where the time went.
const SLOW_MS: u64 = 10_000;
/// Resources that failed for the same reason are named up to this many.
const ALIKE_MAX: usize = 5;

/// The exports, for people: secrets are masked unless they are asked for.
pub(crate) fn exports(exports: &Properties, secrets: bool) -> Text {
    let values = if secrets { (*exports.values).clone() } else { exports.masked() };
    let column = values.keys().map(|name| width(name)).max().unwrap_or(0) + 5;
    let mut text = Text::new();
    for (name, value) in &values {
        let line = Line::plain("  ").with(Tone::Strong, name).pad(column);
        match value {
            Value::Array(items) if items.len() > 1 => {
                let mut line = Some(line);
                for item in items {
                    text.line(line.take().unwrap_or_else(|| Line::new().pad(column)).add(value::brief(item)));
                }
            }
            value => text.line(line.add(value::brief(value))),
        }
    }
    text
}

/// What a run that did all of its plan has done.
pub(crate) fn success(report: &Report) -> Text {
    let mut text = exports(&report.exports, false);
    text.gap();
    let done = summary::done(&report.counts);
    text.line(Line::new().with(Tone::Added, "done").add(format!(": {done} in {}.", duration(report.took_ms))));
    if report.took_ms > SLOW_MS && !report.critical_path.is_empty() {
        text.line(critical_path(&report.critical_path));
    }
    text
}

fn critical_path(path: &[(Urn, u64)]) -> Line {
    let steps: Vec<String> = path.iter().map(|(urn, ms)| format!("{} {}", urn.label(), duration(*ms))).collect();
    Line::new().with(Tone::Dim, format!("the time went into: {}", steps.join(" -> ")))
}

/// What a run has done that didn't come to its end, with one error for each cause.
pub(crate) fn failed(report: &Report, command: &str) -> Text {
    let mut text = Text::new();
    for alike in by_cause(&report.failures) {
        let [first, others @ ..] = alike.as_slice() else { continue };
        let labels: Vec<String> = others.iter().map(|failure| failure.urn.label()).collect();
        let same = (!labels.is_empty()).then(|| format!("the same for {}", some_of(&labels, ALIKE_MAX)));
        text.block(faults::failure(first, same));
    }
    for (urn, why) in &report.unapproved {
        let line = Line::new().with(Tone::Warning, "stopped: ").add(format!("{} ", urn.label()));
        text.line(line.add(format!("turned out to be more destructive than the plan showed: {why}")));
    }
    text.gap();
    text.line(remains(report, command));
    if !report.open.is_empty() {
        let labels: Vec<String> = report.open.iter().map(Urn::label).collect();
        let line = Line::new().with(Tone::Warning, "open: ").add(some_of(&labels, ALIKE_MAX));
        text.line(
            line.add(format!("; what has become of it could not be written down, and `{command}` finds out first.")),
        );
    }
    text
}

/// `stopped here: 7 created, 3 never started. `up` goes on from here.`
fn remains(report: &Report, command: &str) -> Line {
    let never = match report.not_started.len() {
        0 => String::new(),
        number => format!(", {number} never started"),
    };
    let failed = match report.failures.len() {
        0 => String::new(),
        number => format!(", {number} failed"),
    };
    let open = match report.open.len() {
        0 => String::new(),
        number => format!(", {number} open"),
    };
    let word = match report.ending {
        Ending::Interrupted => "interrupted",
        Ending::Unseen => "stopped before what the plan did not show",
        _ => "stopped here",
    };
    let done = summary::done(&report.counts);
    let line = Line::new()
        .with(Tone::Warning, word)
        .add(format!(": {done}{failed}{never}{open} after {}. ", duration(report.took_ms)));
    line.add(format!("`{command}` goes on from here."))
}

/// Failures with the same words have the same cause; the last to be shown is the one that stopped the run.
fn by_cause(failures: &[Failure]) -> Vec<Vec<&Failure>> {
    let mut order: Vec<&str> = Vec::new();
    let mut causes: BTreeMap<&str, Vec<&Failure>> = BTreeMap::new();
    for failure in failures {
        let cause = causes.entry(&failure.message).or_default();
        if cause.is_empty() {
            order.push(&failure.message);
        }
        cause.push(failure);
    }
    order.into_iter().filter_map(|message| causes.remove(message)).collect()
}
