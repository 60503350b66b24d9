//! What runs, what is done, and how long the rest may take.

use super::words;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use terrane_core::Urn;
use terrane_engine::What;

/// With fewer steps done, their pace says nothing about the rest.
const PACE_STEPS_MIN: usize = 5;

/// A step in flight.
pub(super) struct Running {
    pub(super) urn: Urn,
    pub(super) verb: String,
    pub(super) since: Instant,
    pub(super) usual: Option<Duration>,
    pub(super) text: String,
}

/// A run so far.
pub(super) struct Tally {
    pub(super) began: Instant,
    /// In the order in which they began.
    pub(super) running: Vec<Running>,
    /// By what was done: `created`, `deleted`, `failed`.
    pub(super) done: BTreeMap<String, usize>,
    /// What rollouts wait for.
    pub(super) gates: BTreeMap<String, String>,
    /// What the lock that it waits for is said to be doing.
    pub(super) lock: Option<String>,
    /// Objects looked at.
    pub(super) reads: usize,
    steps: usize,
    started: usize,
}

impl Tally {
    pub(super) fn new() -> Self {
        let (running, done, gates) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        Self { began: Instant::now(), running, done, gates, lock: None, reads: 0, steps: 0, started: 0 }
    }

    /// Takes in an event.
    pub(super) fn note(&mut self, what: &What) {
        self.lock = words::lock(what);
        match what {
            What::RunStarted { steps, .. } => self.steps = *steps,
            What::Reading { .. } => self.reads += 1,
            What::StepStarted { urn, verb, usual_ms } => {
                self.started += 1;
                let usual = usual_ms.map(Duration::from_millis);
                let (urn, verb) = (urn.clone(), verb.clone());
                self.running.push(Running { urn, verb, since: Instant::now(), usual, text: String::new() });
            }
            What::StepProgress { urn, text } => self.say(urn, text.clone()),
            What::StepRetried { urn, attempt, message, .. } => {
                self.say(urn, format!("attempt {attempt} after: {message}"));
            }
            What::StepDone { urn, verb, .. } => self.end(urn, words::past(verb)),
            What::StepFailed { urn, .. } => self.end(urn, "failed".to_owned()),
            What::GateWaiting { rollout, text } => drop(self.gates.insert(rollout.clone(), text.clone())),
            _ => {}
        }
    }

    fn say(&mut self, urn: &Urn, text: String) {
        if let Some(running) = self.running.iter_mut().find(|running| running.urn == *urn) {
            running.text = text;
        }
    }

    fn end(&mut self, urn: &Urn, how: String) {
        self.running.retain(|running| running.urn != *urn);
        *self.done.entry(how).or_default() += 1;
        // What a gate waits for is told again as long as it does.
        self.gates.clear();
    }

    /// About how long it still takes, when there is ground for a guess.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        let rest = |running: &Running| Some(running.usual?.saturating_sub(now - running.since));
        let of_running = self.running.iter().map(rest).collect::<Option<Vec<_>>>()?.into_iter().max();
        let unstarted = self.steps.saturating_sub(self.started);
        if unstarted == 0 {
            return of_running;
        }
        let done = self.started - self.running.len();
        let pace = (done >= PACE_STEPS_MIN).then(|| (now - self.began) / u32::try_from(done).unwrap_or(u32::MAX))?;
        Some(of_running.unwrap_or_default().max(pace * u32::try_from(unstarted).unwrap_or(u32::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_needs_to_know_every_running_step() {
        let urn = |name: &str| Urn::new("dev", "shop", "", "demo:Thing", name);
        let started = |name: &str, usual_ms| What::StepStarted { urn: urn(name), verb: "create".to_owned(), usual_ms };
        let mut tally = Tally::new();
        tally.steps = 2;
        tally.note(&started("a", Some(4_000)));
        assert_eq!(tally.left(tally.began), None, "one step has not begun, and no pace is known");
        tally.note(&started("b", Some(9_000)));
        let now = tally.running[1].since;
        assert_eq!(tally.left(now), Some(Duration::from_secs(9)));
        tally.note(&What::StepDone { urn: urn("b"), verb: "create".to_owned(), took_ms: 1 });
        assert_eq!((tally.running.len(), tally.done.get("created")), (1, Some(&1)));
        tally.running[0].usual = None;
        assert_eq!(tally.left(now), None);
    }
}
