//! Values and differences of values, as a person reads them. Secrets come masked already.

use super::text::{Line, Tone, width};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};
use terrane_core::plan::{Change, Shown};

/// A value longer than this is cut unless every detail is asked for.
const COLUMNS_MAX: usize = 60;
/// As many lines of a text's differences are shown.
const DIFF_LINES_MAX: usize = 40;

/// A value on one line.
pub(crate) fn brief(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() || text.trim() != text => format!("{text:?}"),
        Value::String(text) => text.replace('\n', "⏎"),
        Value::Array(items) => format!("[{}]", items.iter().map(brief).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| format!("{name}: {}", brief(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        value => value.to_string(),
    }
}

/// A value on one line that is never long.
pub(crate) fn short(value: &Value) -> String {
    shorten(&brief(value))
}

fn shorten(text: &str) -> String {
    if width(text) <= COLUMNS_MAX {
        return text.to_owned();
    }
    let head: String = text.chars().take(COLUMNS_MAX - 1).collect();
    format!("{head}…")
}

/// The differences as lines; `whole` leaves nothing out.
pub(crate) fn changes(changes: &[Change], whole: bool) -> Vec<Line> {
    changes.iter().flat_map(by_structure).flat_map(|change| lines(&change, whole)).collect()
}

/// JSON inside two strings, field by field.
fn by_structure(change: &Change) -> Vec<Change> {
    let document = |shown: &Shown| match shown {
        Shown::Value(Value::String(text)) if text.trim_start().starts_with(['{', '[']) => {
            serde_json::from_str::<Value>(text).ok()
        }
        _ => None,
    };
    let mut parts = Vec::new();
    if let (Some(before), Some(after)) = (document(&change.before), document(&change.after)) {
        Change::between(&change.path, Some(&before), Some(&after), change.replaces, &mut parts);
    }
    // Nothing differs when only blanks do; then the texts themselves are worth showing.
    if parts.is_empty() { vec![change.clone()] } else { parts }
}

fn lines(change: &Change, whole: bool) -> Vec<Line> {
    if let (Shown::Value(Value::String(before)), Shown::Value(Value::String(after))) = (&change.before, &change.after)
        && (before.contains('\n') || after.contains('\n'))
    {
        let mut lines = vec![note(Line::plain(format!("{}:", change.path)), change)];
        lines.extend(text_difference(before, after, whole));
        return lines;
    }
    let line = Line::plain(format!("{}: ", change.path)).with(Tone::Removed, shown(&change.before, whole));
    vec![note(line.with(Tone::Dim, " -> ").with(Tone::Added, shown(&change.after, whole)), change)]
}

fn note(line: Line, change: &Change) -> Line {
    let line = match (&change.before, &change.after) {
        (Shown::Secret, Shown::Secret) | (Shown::Hidden, Shown::Hidden) => line.add(" (changed)"),
        _ => line,
    };
    if change.replaces { line.add(" (the API can't change it)") } else { line }
}

fn shown(shown: &Shown, whole: bool) -> String {
    match shown {
        Shown::Value(value) if whole => brief(value),
        Shown::Value(value) => short(value),
        other => other.to_string(),
    }
}

/// Two texts line by line, with two lines of surroundings.
fn text_difference(before: &str, after: &str, whole: bool) -> Vec<Line> {
    let difference = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for (index, group) in difference.grouped_ops(2).iter().enumerate() {
        if index > 0 {
            lines.push(Line::new().with(Tone::Dim, "    …"));
        }
        for change in group.iter().flat_map(|op| difference.iter_changes(op)) {
            let (mark, tone) = match change.tag() {
                ChangeTag::Delete => ("- ", Tone::Removed),
                ChangeTag::Insert => ("+ ", Tone::Added),
                ChangeTag::Equal => ("  ", Tone::Dim),
            };
            lines.push(Line::plain("  ").with(tone, format!("{mark}{}", change.value().trim_end())));
        }
    }
    let more = lines.len().saturating_sub(DIFF_LINES_MAX);
    if !whole && more > 0 {
        lines.truncate(DIFF_LINES_MAX);
        lines.push(Line::new().with(Tone::Dim, format!("  … {more} more lines; --diff shows them")));
    }
    lines
}
