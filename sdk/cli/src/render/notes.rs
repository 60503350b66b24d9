//! What the program wants shown with a plan: warnings and tables.

use super::{
    table::{table, wrap},
    text::{Line, Text, Tone},
};
use terrane_core::Note;

/// Tables first, then warnings: the nearer to the question, the more it matters.
pub(crate) fn notes(notes: &[Note], columns: usize) -> Text {
    let mut text = Text::new();
    for note in notes {
        if let Note::Table { headings, rows } = note {
            let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
            text.block(table(&headings, rows, columns));
        }
    }
    let mut warnings = Text::new();
    for note in notes {
        if let Note::Warning { subject, text } = note {
            warnings.append(warning(subject, text, columns));
        }
    }
    text.block(warnings);
    text
}

/// `warning: subject: text`, wrapped under itself.
fn warning(subject: &str, words: &str, columns: usize) -> Text {
    let mut text = Text::new();
    let words = if subject.is_empty() { words.to_owned() } else { format!("{subject}: {words}") };
    for (index, part) in wrap(&words, columns.saturating_sub(11).max(20)).into_iter().enumerate() {
        let head = Line::plain("  ");
        let head = if index == 0 { head.with(Tone::Warning, "warning: ") } else { head.add("         ") };
        text.line(head.add(part));
    }
    text
}
