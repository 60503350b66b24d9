//! Where there is no terminal: one line an event, with the time of day.

use super::{Show, words};
use crate::{
    render::{
        Line, Tone,
        units::{count, duration, time_of_day},
    },
    terminal::Terminal,
};
use std::collections::HashMap;
use terrane_core::Urn;
use terrane_engine::What;

/// What a step waits for is told anew at most so often.
const AGAIN_MS: i64 = 5_000;
/// Waiting for a lock is told anew at most so often.
const LOCK_AGAIN_MS: i64 = 15_000;

/// See the module.
pub(super) struct Lines {
    terminal: Terminal,
    said: HashMap<String, (i64, String)>,
    interrupts: usize,
}

impl Lines {
    pub(super) fn new(terminal: Terminal) -> Self {
        Self { terminal, said: HashMap::new(), interrupts: 0 }
    }

    /// Whether a text about something is worth another line.
    fn is_news(&mut self, about: &str, at_ms: i64, text: &str, again_ms: i64) -> bool {
        let news = self.said.get(about).is_none_or(|(last_ms, last)| last != text && at_ms - last_ms >= again_ms);
        if news {
            self.said.insert(about.to_owned(), (at_ms, text.to_owned()));
        }
        news
    }
}

impl Show for Lines {
    fn show(&mut self, at_ms: i64, what: What) {
        let news = match &what {
            What::StepStarted { urn, .. } => {
                // A step that is done soon needs no word about what it waits for.
                self.said.insert(urn.as_str().to_owned(), (at_ms, String::new()));
                true
            }
            What::StepProgress { urn, text } => self.is_news(urn.as_str(), at_ms, text, AGAIN_MS),
            What::GateWaiting { rollout, text } => self.is_news(rollout, at_ms, text, AGAIN_MS),
            What::LockWaiting { waited_ms, .. } => self.is_news("lock", at_ms, &waited_ms.to_string(), LOCK_AGAIN_MS),
            _ => true,
        };
        self.interrupts += usize::from(matches!(what, What::Draining { .. }));
        if let Some(line) = news.then(|| line(&what, self.interrupts)).flatten() {
            let stamp = Line::new().with(Tone::Dim, time_of_day(at_ms)).add("  ");
            self.terminal.say(format_args!("{}\n", stamp.join(line)));
        }
    }
}

/// The sentence for an event, after so many interrupts; reads of real objects have none.
pub(super) fn line(what: &What, interrupts: usize) -> Option<Line> {
    let about = |urn: &Urn| format!("{} ({})", urn.label(), urn.kind());
    let head = |tone, word: &str| Line::new().with(tone, format!("{word:<9} "));
    Some(match what {
        What::RunStarted { command, project, stack, steps, .. } => {
            head(Tone::Strong, command).add(format!("{project} / {stack}: {}", count(*steps, "step")))
        }
        What::Recovered { urn, text } => head(Tone::Warning, "recovered").add(format!("{}: {text}", about(urn))),
        What::LockWaiting { .. } => head(Tone::Warning, "waits").add(words::lock(what).unwrap_or_default()),
        What::Reading { .. } => return None,
        What::StepStarted { urn, verb, .. } => head(Tone::Dim, verb).add(about(urn)),
        What::StepProgress { urn, text } => head(Tone::Dim, "waits").add(format!("{}: {text}", urn.label())),
        What::StepRetried { urn, attempt, wait_ms, message } => {
            let wait = duration(*wait_ms);
            head(Tone::Warning, "retry").add(format!("{}: attempt {attempt} in {wait}: {message}", urn.label()))
        }
        What::StepDone { urn, verb, took_ms } => {
            head(Tone::Added, &words::past(verb)).add(format!("{}  {}", about(urn), duration(*took_ms)))
        }
        What::StepFailed { urn, verb, message, .. } => {
            head(Tone::Removed, "failed").add(format!("to {verb} {}: {message}", about(urn)))
        }
        What::StepSkipped { urn, because } => head(Tone::Dim, "skipped").add(format!("{}: {because}", urn.label())),
        What::GateWaiting { rollout, text } => head(Tone::Dim, "waits").add(format!("rollout {rollout}: {text}")),
        What::Expanded { scope, resources } => {
            head(Tone::Added, "expanded").add(format!("{scope}: {}", count(*resources, "resource")))
        }
        What::Draining { running } => head(Tone::Warning, "stopping").add(words::draining(*running, interrupts)),
        What::RunEnded { result, took_ms, .. } => {
            head(Tone::Strong, "ended").add(format!("{result} after {}", duration(*took_ms)))
        }
    })
}
