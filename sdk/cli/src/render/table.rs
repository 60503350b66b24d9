//! Columns: the survivability table, lists of stacks and runs.

use super::text::{Line, Text, Tone, width};

/// A table with headings, no wider than `columns`; the last column takes what is left and wraps.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>], columns: usize) -> Text {
    let mut text = Text::new();
    let last = headings.len().saturating_sub(1);
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell));
        cells.chain([width(headings[column])]).max().unwrap_or_default()
    };
    let starts: Vec<usize> = (0..headings.len())
        .scan(2, |next, column| {
            let start = *next;
            *next += widest(column) + 3;
            Some(start)
        })
        .collect();
    let heading =
        headings.iter().zip(&starts).fold(Line::new(), |line, (cell, &start)| at(line, start).with(Tone::Dim, cell));
    text.line(heading);
    for row in rows {
        let start = starts.get(last).copied().unwrap_or_default();
        let room = columns.saturating_sub(start).max(20);
        let mut wrapped = wrap(row.get(last).map_or("", String::as_str), room).into_iter();
        let fixed = row.iter().take(last).zip(&starts);
        let line = fixed.fold(Line::new(), |line, (cell, &start)| at(line, start).add(cell));
        let first = wrapped.next().filter(|part| !part.is_empty());
        text.line(first.map_or(line.clone(), |part| at(line, start).add(part)));
        wrapped.for_each(|more| text.line(Line::new().pad(start).add(more)));
    }
    text
}

fn at(line: Line, column: usize) -> Line {
    let blanks = column.saturating_sub(line.width());
    line.add(" ".repeat(blanks))
}

/// Breaks a text at blanks; a word longer than the room stays whole.
pub(crate) fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| width(line));
        if line > 0 && line + 1 + width(word) > room {
            lines.push(word.to_owned());
        } else if let Some(last) = lines.last_mut() {
            if line > 0 {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines
}
