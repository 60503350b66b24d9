//! Simulations by the thousand, on several threads: each thread has worlds of its own.

use crate::{
    case::Case,
    check::{Invariant, Violation},
    faults::CrashPoint,
    scenarios::{Measured, Scenario},
    simulation::{run, run_compared},
    story::{Telling, hash},
    summary::Summary,
    worlds,
};
use fastrand::Rng;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Every seed of this many is lived through twice, to see whether it gives the same trace.
const TWICE: u64 = 97;

/// How far to go.
#[derive(Debug, Clone, Copy)]
pub struct Range {
    /// The first seed.
    pub from: u64,
    /// How many.
    pub seeds: u64,
    /// When to stop, whatever is left.
    pub until: Option<Instant>,
}

/// Lives through seeds.
pub fn seeds(range: Range, threads: usize) -> Summary {
    let next = AtomicU64::new(range.from);
    let end = range.from.saturating_add(range.seeds);
    on_threads(threads, || {
        let mut summary = Summary::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end || range.until.is_some_and(|until| Instant::now() >= until) {
                return summary;
            }
            live(seed, &mut summary);
        }
    })
}

fn live(seed: u64, summary: &mut Summary) {
    let case = Case::drawn(seed);
    let outcome = run_compared(&case, Telling::Silent);
    summary.seeds += 1;
    summary.add(|| format!("seed {seed}"), &case, &outcome);
    if seed.is_multiple_of(TWICE) && run(&case, Telling::Silent).hash != outcome.hash {
        let text = "the same seed gives another trace the second time".to_owned();
        summary.fail(format!("seed {seed}"), &case, Violation { invariant: Invariant::Liveness, text, at_ms: 0 });
    }
}

/// Runs scenarios, cut at every point.
pub fn scenarios(scenarios: Vec<Scenario>, threads: usize) -> Summary {
    let mut summary = Summary::default();
    for scenario in scenarios {
        if let Some(measured) = measure(scenario, &mut summary) {
            summary = summary.and(cut_everywhere(&measured, &measured.points(), threads));
        }
    }
    summary
}

/// Runs every small world, cut at every point of its operation.
pub fn small_worlds(threads: usize) -> Summary {
    let mut worlds = worlds::all();
    let count = worlds.len();
    let shares =
        (0..threads).map(|thread| worlds.split_off(worlds.len() - share(count, threads, thread))).collect::<Vec<_>>();
    let parts = shares.into_iter().map(|share| {
        move || {
            let mut summary = Summary::default();
            for (scenario, jobs) in share {
                let skipped =
                    if jobs == 0 { 0 } else { run(&worlds::before(&scenario, jobs), Telling::Silent).requests };
                if let Some(measured) = measure(scenario, &mut summary) {
                    let points = measured.points().into_iter().filter(|point| point.request > skipped);
                    summary = summary.and(cut_everywhere(&measured, &points.collect::<Vec<_>>(), 1));
                }
            }
            summary
        }
    });
    thread::scope(|scope| {
        let running: Vec<_> = parts.map(|part| scope.spawn(part)).collect();
        join(running)
    })
}

fn share(count: usize, threads: usize, thread: usize) -> usize {
    count / threads + usize::from(thread < count % threads)
}

/// Runs scenarios with two crashes each, drawn at random.
pub fn double_crashes(scenarios: Vec<Scenario>, count: u64, from: u64, threads: usize) -> Summary {
    let mut summary = Summary::default();
    let measured: Vec<Measured> =
        scenarios.into_iter().filter_map(|scenario| measure(scenario, &mut summary)).collect();
    if measured.is_empty() {
        return summary;
    }
    let next = AtomicU64::new(0);
    summary.and(on_threads(threads, || {
        let mut summary = Summary::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return summary;
            }
            let mut rng = Rng::with_seed(hash(from, &number.to_le_bytes()));
            let measured = &measured[rng.usize(0..measured.len())];
            let crashes = measured.double(&mut rng);
            summary.double_crashes += 1;
            let outcome = measured.run(&crashes);
            summary.add(|| name(measured, &crashes), &measured.cut(&crashes), &outcome);
        }
    }))
}

fn measure(scenario: Scenario, summary: &mut Summary) -> Option<Measured> {
    let (name, case) = (scenario.name, scenario.case.clone());
    match Measured::of(scenario) {
        Ok(measured) => Some(measured),
        Err(violation) => {
            summary.fail(format!("{name}, not cut"), &case, violation);
            None
        }
    }
}

fn cut_everywhere(measured: &Measured, points: &[CrashPoint], threads: usize) -> Summary {
    let next = AtomicU64::new(0);
    on_threads(threads, || {
        let mut summary = Summary::default();
        loop {
            let at = usize::try_from(next.fetch_add(1, Ordering::Relaxed)).unwrap_or(usize::MAX);
            let Some(point) = points.get(at).copied() else { return summary };
            let outcome = measured.run(&[point]);
            summary.crash_points += 1;
            summary.add(|| name(measured, &[point]), &measured.cut(&[point]), &outcome);
        }
    })
}

fn name(measured: &Measured, crashes: &[CrashPoint]) -> String {
    let crashes: Vec<String> = crashes.iter().map(ToString::to_string).collect();
    format!("{}, {}", measured.scenario.name, crashes.join(" and "))
}

fn on_threads(threads: usize, work: impl Fn() -> Summary + Sync) -> Summary {
    if threads <= 1 {
        return work();
    }
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
        join(running)
    })
}

fn join(running: Vec<thread::ScopedJoinHandle<'_, Summary>>) -> Summary {
    running.into_iter().fold(Summary::default(), |all, thread| match thread.join() {
        Ok(summary) => all.and(summary),
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// When a time from now is over.
pub fn after(minutes: f64) -> Instant {
    Instant::now() + Duration::from_secs_f64(minutes * 60.0)
}
