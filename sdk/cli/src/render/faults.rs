//! Errors: what failed, where it is declared, what to do.

use super::text::{Line, Text, Tone};
use terrane_core::Fault;
use terrane_engine::Failure;

/// `error: …`, indented details, `try: …`.
pub(crate) fn error(message: &str, details: &[String], hints: &[String]) -> Text {
    let mut text = Text::new();
    let mut lines = message.lines();
    let first = lines.next().unwrap_or("something failed");
    text.line(Line::new().with(Tone::Removed, "error: ").with(Tone::Strong, first));
    for detail in lines.chain(details.iter().flat_map(|detail| detail.lines())) {
        text.line(Line::plain(format!("  {detail}")));
    }
    for hint in hints {
        text.line(Line::plain("  ").with(Tone::Changed, "try: ").add(hint));
    }
    text
}

/// What is wrong with a program or plan; faults with the same way out are one error.
pub(crate) fn faults(faults: &[Fault]) -> Text {
    let mut groups: Vec<Vec<&Fault>> = Vec::new();
    for fault in faults {
        let alike = |group: &&mut Vec<&Fault>| {
            group
                .first()
                .is_some_and(|first| first.code == fault.code && first.help == fault.help && fault.help.is_some())
        };
        match groups.iter_mut().find(alike) {
            Some(group) => group.push(fault),
            None => groups.push(vec![fault]),
        }
    }
    let mut text = Text::new();
    for group in groups {
        let [first, more @ ..] = group.as_slice() else { continue };
        let code = if first.code.is_empty() { String::new() } else { format!(" [{}]", first.code) };
        let details: Vec<String> = more.iter().map(|fault| placed(fault)).collect();
        text.block(error(&format!("{}{code}", placed(first)), &details, first.help.as_slice()));
    }
    text
}

/// A fault's message with the declarations that it is about.
fn placed(fault: &Fault) -> String {
    match fault.sites.as_slice() {
        [] => fault.message.clone(),
        sites => format!("{} ({})", fault.message, sites.join(" and ")),
    }
}

/// A step that failed; `more` stands below the reason.
pub(crate) fn failure(failure: &Failure, more: Option<String>) -> Text {
    let site = if failure.site.is_empty() { String::new() } else { format!(" ({})", failure.site) };
    let code = failure.code.as_ref().map(|code| format!(" [{code}]")).unwrap_or_default();
    let message = format!("could not {} {} `{}`{site}{code}", failure.verb, failure.urn.kind(), failure.urn.label());
    let details: Vec<String> = [failure.message.clone()].into_iter().chain(more).collect();
    error(&message, &details, failure.help.as_slice())
}
