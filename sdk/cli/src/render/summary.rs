//! The sentence below a plan: how many of what, what is lost, and how long the longest chain is.

use super::{
    step::{is_destructive, is_refused},
    text::{Line, Text, Tone},
    units::{count, some_of},
};
use std::collections::HashMap;
use terrane_core::{
    Urn,
    plan::{Counts, Op, Plan, Step},
};

/// Names of what is lost are given up to this many.
const NAMES_MAX: usize = 3;

/// The last lines of a plan, no wider than `columns`.
pub(crate) fn summary(plan: &Plan, columns: usize) -> Text {
    let mut text = Text::new();
    if plan.steps.iter().any(|step| step.uncertain) {
        let meaning = "A `?` after a symbol: may turn out to be less, once the values that it waits for are known.";
        text.line(Line::plain("  ").with(Tone::Dim, meaning));
    }
    let mut sentences = sentences(plan).into_iter();
    let mut line = Line::plain("  ").join(sentences.next().unwrap_or_default());
    for sentence in sentences {
        if line.width() + 1 + sentence.width() > columns {
            text.line(std::mem::replace(&mut line, Line::plain("  ").join(sentence)));
        } else {
            line = line.add(" ").join(sentence);
        }
    }
    text.line(line);
    text
}

/// The sum, cut where a line may end.
fn sentences(plan: &Plan) -> Vec<Line> {
    let parts = parts(plan);
    let last = parts.len().saturating_sub(1);
    let ended = |(index, (tone, part)): (usize, &(Tone, String))| {
        Line::new().with(*tone, part).add(if index == last { "." } else { "," })
    };
    let mut lines: Vec<Line> = parts.iter().enumerate().map(ended).collect();
    let refused = plan.steps.iter().filter(|step| is_refused(step)).count();
    if lines.is_empty() && refused == 0 {
        lines.push(Line::plain("Nothing to do."));
    }
    if refused > 0 {
        lines.push(Line::new().with(Tone::Warning, format!("Refused: {refused}.")));
    }
    let chain = longest_chain(plan);
    if chain > 1 {
        lines.push(Line::plain(format!("Longest chain: {chain} steps.")));
    }
    lines
}

fn parts(plan: &Plan) -> Vec<(Tone, String)> {
    let steps = |wanted: fn(&Step) -> bool| -> Vec<String> {
        plan.steps.iter().filter(|step| wanted(step) && !is_refused(step)).map(|step| step.urn.label()).collect()
    };
    let named = |names: &[String], words: &str| match names.len() {
        0..=NAMES_MAX => format!("{} {words} ({})", names.len(), names.join(", ")),
        _ => format!("{} {words} ({})", names.len(), some_of(names, NAMES_MAX)),
    };
    let plain = |names: &[String], words: &str| format!("{} {words}", names.len());
    let every = [
        (Tone::Added, "to create", steps(|step| step.op == Op::Create)),
        (Tone::Added, "to import", steps(|step| step.op == Op::Import)),
        (Tone::Changed, "to update", steps(|step| step.op == Op::Update)),
        (Tone::Changed, "to move", steps(|step| step.moved_from.is_some())),
        (Tone::Warning, "to forget", steps(|step| step.op == Op::Forget)),
        (Tone::Removed, "to replace", steps(|step| matches!(step.op, Op::Replace { .. }))),
        (Tone::Removed, "to delete", steps(|step| step.op == Op::Delete)),
        (Tone::Dim, "unchanged", steps(|step| step.op == Op::Same && step.moved_from.is_none())),
    ];
    let mut parts: Vec<(Tone, String)> = every
        .into_iter()
        .filter(|(_, _, names)| !names.is_empty())
        .map(|(tone, words, names)| {
            (tone, if tone == Tone::Removed { named(&names, words) } else { plain(&names, words) })
        })
        .collect();
    if !plan.waiting.is_empty() {
        let waiting = format!("{} of the program waiting for values", count(plan.waiting.len(), "part"));
        parts.push((Tone::Warning, waiting));
    }
    parts
}

/// The number of changing steps in the longest chain in which each waits for the one before.
fn longest_chain(plan: &Plan) -> usize {
    let mut length: HashMap<&Urn, usize> = HashMap::new();
    // Deletes run against the direction of their dependencies; a chain is as long either way.
    let (deletes, others): (Vec<&Step>, Vec<&Step>) = plan.steps.iter().partition(|step| step.op == Op::Delete);
    for step in others {
        let before = step.dependencies.iter().filter_map(|urn| length.get(urn)).max().copied().unwrap_or(0);
        length.insert(&step.urn, before + usize::from(step.op != Op::Same));
    }
    let mut ends: HashMap<&Urn, usize> = HashMap::new();
    for step in deletes {
        let chain = ends.get(&step.urn).copied().unwrap_or(0) + 1;
        ends.insert(&step.urn, chain);
        for urn in &step.dependencies {
            let end = ends.entry(urn).or_default();
            *end = (*end).max(chain);
        }
    }
    length.into_values().chain(ends.into_values()).max().unwrap_or(0)
}

/// `23 created, 1 deleted`: what a run has done.
pub(crate) fn done(counts: &Counts) -> String {
    let parts: Vec<String> = [
        (counts.create, "created"),
        (counts.import, "imported"),
        (counts.update, "updated"),
        (counts.moved, "moved"),
        (counts.replace, "replaced"),
        (counts.delete, "deleted"),
        (counts.forget, "forgotten"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, word)| format!("{number} {word}"))
    .collect();
    if parts.is_empty() { "nothing changed".to_owned() } else { parts.join(", ") }
}

/// Labels of the steps that take something away.
pub(crate) fn destructive(plan: &Plan) -> Vec<&Step> {
    plan.steps.iter().filter(|step| is_destructive(step)).collect()
}
