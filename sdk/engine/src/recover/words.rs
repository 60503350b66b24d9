//! What recovery says of what it found.

use terrane_core::{State, state::Intent};

/// `created by the run of 2026-11-21 14:02:07`.
pub(super) fn made_by(state: &State, intent: &Intent) -> String {
    format!("created by the run of {}", begun(state, intent))
}

/// When the run began that an operation belongs to, in the reader's own time zone.
fn begun(state: &State, intent: &Intent) -> String {
    let run = state.runs.iter().rev().find(|run| run.start.at_ms <= intent.at_ms);
    let at_ms = run.map_or(intent.at_ms, |run| run.start.at_ms);
    let here = |at: jiff::Timestamp| at.to_zoned(jiff::tz::TimeZone::system());
    let at = jiff::Timestamp::from_millisecond(at_ms).map(here);
    at.map_or_else(|_| at_ms.to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// How many names are told one by one.
const NAMES_MAX: usize = 8;

/// `a, b, c`, and no more than a person reads.
pub(super) fn names(all: &[String]) -> String {
    let shown = all[..all.len().min(NAMES_MAX)].join(", ");
    if all.len() > NAMES_MAX { format!("{shown} and {} more", all.len() - NAMES_MAX) } else { shown }
}
