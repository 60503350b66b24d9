//! Takes out of what the program prints what differs from run to run: paths, addresses, times, process ids.

use std::path::Path;

/// The text with names for what differs.
pub(super) fn redact(text: &str, root: &Path, network: &str) -> String {
    let text = text.replace(&root.display().to_string(), "[root]").replace(network, "127.x.y");
    let text = moments(&text);
    let text = after_word(&text, "tests/program/main.rs:", "[line]");
    let text = ["pid ", "agent ", "process "].iter().fold(text, |text, word| after_word(&text, word, "[pid]"));
    let host = rustix::system::uname();
    let text = text.replace(&format!("ada on {}", host.nodename().to_string_lossy()), "ada on [host]");
    let text = text.replace(&format!("ada@{}", host.nodename().to_string_lossy()), "ada@[host]");
    let lines: Vec<String> = durations(&text).lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// `2026-03-01 14:02:11` and `14:02:11` become `[time]`.
fn moments(text: &str) -> String {
    let shapes = ["0000-00-00T00:00:00", "0000-00-00 00:00:00", "00:00:00"];
    let mut out = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        if let Some(shape) = shapes.iter().find(|shape| is_shaped(rest, shape)) {
            out += "[time]";
            // Parts of a second, and the zone.
            rest = rest[shape.len()..]
                .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')
                .trim_start_matches('Z');
        } else {
            out.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    out
}

fn is_shaped(text: &str, shape: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= shape.len()
        && bytes.iter().zip(shape.as_bytes()).all(|(byte, wanted)| match wanted {
            b'0' => byte.is_ascii_digit(),
            wanted => byte == wanted,
        })
}

/// `0.08 s` and `4 ms` become `[t]`; so does a padded column of them.
fn durations(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(start);
        let end = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
        let (number, after) = number.split_at(end);
        out += before;
        let unit = [" ms", " s"]
            .into_iter()
            .find(|unit| after.strip_prefix(unit).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric())));
        let is_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_');
        match unit.filter(|_| !is_word) {
            Some(unit) => {
                out += "[t]";
                rest = &after[unit.len()..];
            }
            None => {
                out += number;
                rest = after;
            }
        }
    }
    out + rest
}

/// The number after a word becomes a name; the blanks that fill its column up become one.
fn after_word(text: &str, word: &str, name: &str) -> String {
    let mut parts = text.split(word);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        let filled = rest.trim_start_matches(' ');
        let blank = if filled.len() < rest.len() { " " } else { "" };
        if rest.len() == part.len() {
            format!("{out}{word}{part}")
        } else {
            format!("{out}{word}{name}{blank}{filled}")
        }
    })
}
