//! What was changed outside the program.

use super::{
    text::{Line, Text, Tone},
    value,
};
use terrane_engine::Drift;

/// Each object that differs from what state says, with its differences.
pub(crate) fn drift(drift: &[Drift]) -> Text {
    let mut text = Text::new();
    if drift.is_empty() {
        return text;
    }
    text.line(Line::plain("  ").with(Tone::Warning, "changed outside the program:"));
    for object in drift {
        let (label, kind) = (object.urn.label(), object.urn.kind());
        if object.gone {
            let line = Line::plain("  ").with(Tone::Removed, "-").add(" ").with(Tone::Strong, &label);
            text.line(line.with(Tone::Dim, format!("   {kind}")).add("   gone"));
            continue;
        }
        let line = Line::plain("  ").with(Tone::Changed, "~").add(" ").with(Tone::Strong, &label);
        text.line(line.with(Tone::Dim, format!("   {kind}")));
        for change in value::changes(&object.changes, false) {
            text.line(Line::plain("      ").join(change));
        }
    }
    text
}
