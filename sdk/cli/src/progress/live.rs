//! On a terminal: a line for each step in flight, the finished ones folded into one.

use super::{
    Show, lines,
    tally::{Running, Tally},
    words,
};
use crate::{
    hidden,
    render::{
        Line, Tone,
        text::width,
        units::{count, duration},
    },
    terminal::Terminal,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};
use terrane_engine::What;

const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const FRAME_MIN: Duration = Duration::from_millis(40);
/// What stays free of the terminal's height: the sum, gates and the shell's prompt.
const ROWS_FREE: usize = 4;

/// See the module.
pub(super) struct Live {
    terminal: Terminal,
    verbose: bool,
    /// Holds all lines at once: what fits on the screen is decided here.
    bar: ProgressBar,
    tally: Tally,
    frame: usize,
    drawn: Option<Instant>,
    interrupts: usize,
}

impl Live {
    pub(super) fn new(terminal: Terminal, verbose: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Self { terminal, verbose, bar, tally: Tally::new(), frame: 0, drawn: None, interrupts: 0 }
    }

    fn draw(&mut self) {
        let (columns, rows) = self.terminal.screen();
        let now = Instant::now();
        // Thousands of quick steps must not wait for the terminal.
        if hidden::is_asking() || self.drawn.is_some_and(|drawn| now - drawn < FRAME_MIN) {
            return;
        }
        self.drawn = Some(now);
        let room = rows.saturating_sub(ROWS_FREE).max(1);
        let names = self.tally.running.iter().map(|running| width(&running.urn.label())).max().unwrap_or(0).min(40);
        let kinds = self.tally.running.iter().map(|running| width(running.urn.kind())).max().unwrap_or(0).min(28);
        let spinner = FRAMES[self.frame % FRAMES.len()];
        let steps = self.tally.running.iter().take(room);
        let mut all: Vec<Line> = steps.map(|running| step(running, spinner, now, names, kinds)).collect();
        let lock = |text: &String| Line::plain("  ").with(Tone::Warning, "◦").add(" ").add(text);
        all.extend(self.tally.lock.iter().map(lock));
        let gate = |(rollout, text): (&String, &String)| {
            Line::plain("  ").with(Tone::Warning, "◦").add(format!(" rollout {rollout} waits: {text}"))
        };
        all.extend(self.tally.gates.iter().take(1).map(gate));
        all.extend(self.sum(now, self.tally.running.len().saturating_sub(room)));
        let painted: Vec<String> = all.into_iter().map(|line| self.terminal.painted(&line.cut(columns - 1))).collect();
        self.bar.set_message(painted.join("\n"));
        self.bar.tick();
    }

    /// `✓ 22 created   5.2 s   about 2 s left`.
    fn sum(&self, now: Instant, hidden: usize) -> Option<Line> {
        let tally = &self.tally;
        if tally.done.is_empty() && tally.running.is_empty() {
            let looked = format!("  looking at {}", count(tally.reads, "object"));
            return (tally.reads > 0).then(|| Line::new().with(Tone::Dim, looked));
        }
        let done: Vec<String> = tally.done.iter().map(|(how, number)| format!("{number} {how}")).collect();
        let mut line = Line::plain("  ").with(Tone::Added, "✓").add(" ");
        line = line.add(if done.is_empty() { "0 done".to_owned() } else { done.join(", ") });
        line = line.with(Tone::Dim, format!("   {}", time(now - tally.began)));
        if hidden > 0 {
            line = line.add(format!("   and {hidden} more running"));
        }
        if let Some(left) = tally.left(now).filter(|left| left.as_secs() > 0) {
            line = line.with(Tone::Dim, format!("   about {} left", time(Duration::from_secs(left.as_secs()))));
        }
        Some(line)
    }
}

fn step(running: &Running, spinner: &str, now: Instant, names: usize, kinds: usize) -> Line {
    let tone = match running.verb.as_str() {
        "create" | "import" => Tone::Added,
        "delete" => Tone::Removed,
        _ => Tone::Changed,
    };
    let line = Line::plain("  ").with(tone, spinner).add(" ").with(Tone::Strong, running.urn.label()).pad(names + 7);
    let line = line.with(Tone::Dim, running.urn.kind()).pad(names + kinds + 10);
    let line = line.add(format!("{:<6} {:>7}", running.verb, time(now - running.since)));
    if running.text.is_empty() { line } else { line.add(format!("   {}", running.text)) }
}

fn time(time: Duration) -> String {
    // Hundredths would only flicker.
    match time.as_millis() {
        ms @ 0..1000 => format!("0.{} s", ms / 100),
        ms => duration(u64::try_from(ms).unwrap_or(u64::MAX)),
    }
}

impl Show for Live {
    fn show(&mut self, _: i64, what: What) {
        self.tally.note(&what);
        self.interrupts += usize::from(matches!(what, What::Draining { .. }));
        let said = match &what {
            What::Draining { running } => {
                Some(Line::new().with(Tone::Warning, words::draining(*running, self.interrupts)))
            }
            What::Recovered { .. } | What::StepRetried { .. } | What::StepFailed { .. } | What::Expanded { .. } => {
                lines::line(&what, self.interrupts)
            }
            What::StepDone { .. } | What::StepSkipped { .. } if self.verbose => lines::line(&what, self.interrupts),
            _ => None,
        };
        if let Some(line) = said {
            self.bar.println(self.terminal.painted(&line));
        }
        self.draw();
    }

    fn tick(&mut self) {
        self.frame += 1;
        self.draw();
    }

    fn end(&mut self) {
        self.bar.finish_and_clear();
    }
}
