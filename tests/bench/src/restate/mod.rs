//! `cargo xtask bench restate`: how long `up` takes for a cluster over two regions, beside the time that the same servers
//! take when they are started by hand.
//!
//! A first run, which doesn't count, installs the servers and shows what there is to start. Then both sides take turns.

mod blueprint;
mod floor;
mod place;

use anyhow::{Context, Result, anyhow};
use serde::Serialize;

use blueprint::Blueprint;
use place::{EXAMPLE, Place};

/// Measure `up` of a Restate cluster over two regions, beside the same servers started by hand
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often each side runs
    #[arg(long, value_name = "NUMBER", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,

    /// Write JSON: one object, when all runs have ended
    #[arg(long)]
    json: bool,
}

/// One run of both sides, or the medians of all.
#[derive(Debug, Clone, Copy, Serialize)]
struct Figure {
    ours_seconds: f64,
    /// From the start of the first server to a healthy cluster.
    floor_seconds: f64,
    ratio: f64,
}

#[derive(Serialize)]
struct Summary<'a> {
    tool: &'a str,
    case: &'a str,
    #[serde(flatten)]
    median: Figure,
    runs: &'a [Figure],
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let place = Place::new()?;
    runtime.block_on(async {
        let result = tokio::select! {
            figures = measure(&place, args) => figures.and_then(|figures| summarize(&figures, args.json)),
            _ = tokio::signal::ctrl_c() => Err(anyhow!("interrupted")),
        };
        let cleared = place.clear().await.context("ending what was started");
        result.and(cleared)
    })
}

async fn measure(place: &Place, args: &Args) -> Result<Vec<Figure>> {
    eprintln!("a first run, which doesn't count");
    place.up().await?;
    let blueprint = Blueprint::read(place).await?;
    let mut figures = Vec::new();
    for run in 1..=args.runs {
        eprintln!("run {run} of {}", args.runs);
        place.clear().await?;
        blueprint.check_free()?;
        let ours_seconds = place.up().await?;
        place.clear().await?;
        blueprint.check_free()?;
        let floor_seconds = floor::measure(&blueprint).await?;
        let figure = Figure { ours_seconds, floor_seconds, ratio: ours_seconds / floor_seconds };
        if !args.json {
            println!("{}", row(&format!("run {run}"), &figure));
        }
        figures.push(figure);
    }
    Ok(figures)
}

fn summarize(figures: &[Figure], json: bool) -> Result<()> {
    let median = Figure {
        ours_seconds: median(figures, |figure| figure.ours_seconds),
        floor_seconds: median(figures, |figure| figure.floor_seconds),
        ratio: median(figures, |figure| figure.ratio),
    };
    let summary = Summary { tool: "terrane", case: EXAMPLE, median, runs: figures };
    println!("{}", if json { serde_json::to_string(&summary)? } else { row("median", &median) });
    Ok(())
}

fn row(title: &str, figure: &Figure) -> String {
    let Figure { ours_seconds, floor_seconds, ratio } = figure;
    format!("{title:<8} up {ours_seconds:>7.2} s   by hand {floor_seconds:>7.2} s   {ratio:.2} x")
}

fn median(figures: &[Figure], of: impl Fn(&Figure) -> f64) -> f64 {
    let mut values = figures.iter().map(of).collect::<Vec<_>>();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) { f64::midpoint(values[middle - 1], values[middle]) } else { values[middle] }
}

#[test]
fn the_median_is_the_middle_or_between_the_two_in_the_middle() {
    let of = |values: &[f64]| {
        let figure = |&ratio: &f64| Figure { ours_seconds: 0.0, floor_seconds: 0.0, ratio };
        median(&values.iter().map(figure).collect::<Vec<_>>(), |figure| figure.ratio)
    };
    assert_eq!((of(&[3.0, 1.0, 2.0]), of(&[4.0, 1.0, 2.0, 9.0])), (2.0, 3.0));
}
