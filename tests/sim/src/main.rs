//! `cargo xtask sim`: simulated lives by the thousand, and the story of one.

use anyhow::{Context, Result};
use clap::Parser;
use std::{process::ExitCode, time::Instant};
use terrane_sim::{
    case::Case,
    runs::{self, Range},
    scenarios,
    shrink::shrink,
    simulation::run_compared,
    story::Telling,
    summary::{Failure, Summary},
};

/// Run the engine and its journal in simulated worlds, seed by seed
#[derive(Parser)]
#[command(name = "cargo xtask sim", bin_name = "cargo xtask sim")]
struct Args {
    /// How many seeds to live through
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,

    /// The first seed
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    from: u64,

    /// Stop after so many minutes; without --seeds, go on until then
    #[arg(long, value_name = "M")]
    minutes: Option<f64>,

    /// How many threads
    #[arg(long, value_name = "T", default_value_t = 1)]
    threads: usize,

    /// Tell the story of one seed, or of a case as a failure prints it
    #[arg(long, value_name = "SEED|CASE")]
    replay: Option<String>,

    /// Cut every scenario at every point
    #[arg(long)]
    scenarios: bool,

    /// Cut scenarios twice, so many times
    #[arg(long, value_name = "N", default_value_t = 0)]
    double_crashes: u64,

    /// Cut every graph of up to four resources, with every operation, at every point
    #[arg(long)]
    small_worlds: bool,

    /// Plant this bug, or one after the other, and see what catches it (needs the feature `planted`)
    #[arg(long, value_name = "BUG", num_args = 0..=1, default_missing_value = "all")]
    planted: Option<String>,

    /// Print failures as they are, without looking for smaller ones
    #[arg(long)]
    no_shrink: bool,

    /// End with one line of JSON
    #[arg(long)]
    json: bool,
}

/// How many seeds there are where nobody says how many.
const SEEDS: u64 = 2_000;
/// How many failures are made smaller and told.
const TOLD_MAX: usize = 3;
/// How much of a failure's story is told.
const LINES_MAX: usize = 60;

fn main() -> ExitCode {
    // A panic in a simulated world is a finding like any other: it is reported with its seed.
    std::panic::set_hook(Box::new(|_| {}));
    run(&Args::parse()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(args: &Args) -> Result<ExitCode> {
    if let Some(what) = &args.replay {
        return replay(what);
    }
    if let Some(bug) = &args.planted {
        return planted(bug, args);
    }
    let (began, threads) = (Instant::now(), args.threads.max(1));
    let mut summary = Summary::default();
    if args.scenarios {
        summary = summary.and(runs::scenarios(scenarios::all(), threads));
    }
    if args.double_crashes > 0 {
        summary = summary.and(runs::double_crashes(scenarios::all(), args.double_crashes, args.from, threads));
    }
    if args.small_worlds {
        summary = summary.and(runs::small_worlds(threads));
    }
    let other = args.scenarios || args.small_worlds || args.double_crashes > 0;
    if args.seeds.is_some() || args.minutes.is_some() || !other {
        let unasked = if args.minutes.is_some() { u64::MAX } else { SEEDS };
        let range =
            Range { from: args.from, seeds: args.seeds.unwrap_or(unasked), until: args.minutes.map(runs::after) };
        summary = summary.and(runs::seeds(range, threads));
    }
    let seconds = began.elapsed().as_secs_f64();
    tell(&summary, args);
    eprintln!("{}", summary.to_text(seconds));
    if args.json {
        println!("{}", summary.to_json(seconds));
    }
    Ok(if summary.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(summary: &Summary, args: &Args) {
    for (number, failure) in summary.failures.iter().enumerate() {
        let Failure { name, case, violation } = failure;
        eprintln!("{name}: {violation}");
        if number < TOLD_MAX && !args.no_shrink {
            let small = shrink(case, violation.invariant);
            let told = run_compared(&small, Telling::Aloud);
            let lines: Vec<&str> = told.timeline.lines().collect();
            eprintln!("  the smallest case that breaks it too; the end of its story:");
            for line in &lines[lines.len().saturating_sub(LINES_MAX)..] {
                eprintln!("    {line}");
            }
            eprintln!("  the whole: cargo xtask sim --replay '{}'", serde_json::to_string(&small).unwrap_or_default());
        }
    }
}

fn replay(what: &str) -> Result<ExitCode> {
    let case = match what.parse() {
        Ok(seed) => Case::drawn(seed),
        Err(_) => serde_json::from_str(what).context("--replay takes a seed, or a case as a failure prints it")?,
    };
    let outcome = run_compared(&case, Telling::Aloud);
    print!("{}", outcome.timeline);
    match outcome.violation {
        None => {
            println!("every invariant holds");
            Ok(ExitCode::SUCCESS)
        }
        Some(violation) => {
            println!("{violation}");
            Ok(ExitCode::FAILURE)
        }
    }
}

#[cfg(not(feature = "planted"))]
fn planted(_: &str, _: &Args) -> Result<ExitCode> {
    anyhow::bail!("this build has no bugs to plant: `cargo xtask sim --planted` makes one that has")
}

#[cfg(feature = "planted")]
fn planted(name: &str, args: &Args) -> Result<ExitCode> {
    use terrane_core::planted::Bug;
    use terrane_sim::planted::{ON_DISK, Report, by_name, hunt};

    let known = || Bug::LISTED.into_iter().chain(Bug::FURTHER);
    let is_all = name == "all";
    let bugs = match by_name(name) {
        Some(bug) => vec![bug],
        None if is_all => known().collect(),
        None => anyhow::bail!("there is no bug `{name}`; there are {:?}", known().collect::<Vec<_>>()),
    };
    let mut report = Report(Vec::new());
    for bug in bugs {
        if ON_DISK.contains(&bug) {
            eprintln!("{:<40} belongs to the disk: cargo test -p terrane-state --features planted", format!("{bug:?}"));
            continue;
        }
        let caught = hunt(bug, args.seeds.unwrap_or(20_000));
        eprintln!("{caught}");
        report.0.push(caught);
    }
    if is_all {
        eprintln!("{report}");
    }
    if args.json {
        println!("{}", report.to_json());
    }
    let is_good = if is_all { report.is_good() } else { report.0.iter().all(|caught| caught.violation.is_some()) };
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
