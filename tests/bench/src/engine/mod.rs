//! `cargo xtask bench engine`: creating, previewing, leaving alone and destroying many resources, and how near a run comes
//! to the shortest time that its graph allows.
//!
//! The provider is in memory and answers at once, so that nothing but the engine is measured; state is on the real disk.
//! Each case is a process of its own, and its seconds are those of the whole process.

mod bucket;
mod case;
mod figure;
mod item;
mod process;
mod s3;
mod shape;
mod terraform;

use std::{env, fs};

use anyhow::{Context, Result};

use crate::scratch::Scratch;
pub(crate) use case::Case;
use case::Verb;
use figure::{Figure, Figures};
use shape::Shape;
pub(crate) use terraform::on_path;

/// Measure the engine on resources that cost nothing
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many resources, one measurement each
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
    resources: Vec<usize>,

    /// How often each is measured; the median counts
    #[arg(long, default_value_t = 3)]
    runs: usize,

    /// Only this shape
    #[arg(long)]
    shape: Option<Shape>,

    /// Write JSON, one figure a line
    #[arg(long)]
    json: bool,

    /// Leave out the other tools on PATH
    #[arg(long)]
    without_peers: bool,
}

/// The most resources that other tools are measured with: they take minutes beyond.
const PEER_RESOURCES_MAX: usize = 1_000;

/// How many resources the graph of `makespan` has.
const MAKESPAN_RESOURCES: usize = 500;

pub(crate) fn run(args: &Args) -> Result<()> {
    let program = env::current_exe().context("finding this program's own file")?;
    // Beside the build, which is on a disk, as the system's folder of temporary files need not be.
    let scratch = Scratch::below(program.parent().context("this program is in no folder")?)?;
    let shapes = args.shape.map_or_else(|| vec![Shape::Chains, Shape::FanOut], |shape| vec![shape]);
    let mut figures = Figures::new(args.json);
    for &shape in &shapes {
        for &resources in &args.resources {
            for figure in lives(args.runs, shape, resources, &scratch)? {
                figures.add(figure)?;
            }
        }
    }
    makespan(&scratch, &mut figures)?;
    s3::measure(&scratch, args.json)?;
    if !args.without_peers {
        peers(args, &shapes, &scratch, &mut figures)?;
    }
    Ok(())
}

/// Several lives of one graph: the median of each verb.
fn lives(runs: usize, shape: Shape, resources: usize, scratch: &Scratch) -> Result<Vec<Figure>> {
    let verbs = [Verb::Create, Verb::Preview, Verb::Noop, Verb::Destroy];
    let mut measured = verbs.map(|_| Vec::new());
    for run in 0..runs.max(1) {
        let folder = scratch.path().join(format!("{shape}-{resources}-{run}"));
        for (figures, verb) in measured.iter_mut().zip(verbs) {
            figures.push(Case::new(verb, shape, resources, folder.clone()).measure()?);
        }
        fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    Ok(measured.into_iter().map(Figure::median).collect())
}

/// The same graph twice: at first nobody knows how long each resource takes, then state does.
fn makespan(scratch: &Scratch, figures: &mut Figures) -> Result<()> {
    let (shape, resources) = (Shape::Random, MAKESPAN_RESOURCES);
    let case = |verb| Case::new(verb, shape, resources, scratch.path().join("makespan"));
    for known in [false, true] {
        let figure = case(Verb::Create).measure()?;
        let bound_seconds = Some(shape.bound_seconds(resources));
        figures.add(Figure { case: "makespan", known: Some(known), bound_seconds, ..figure })?;
        case(Verb::Destroy).measure()?;
    }
    Ok(())
}

fn peers(args: &Args, shapes: &[Shape], scratch: &Scratch, figures: &mut Figures) -> Result<()> {
    match on_path("pulumi") {
        Some(_) => eprintln!("pulumi: left out; it has nothing that costs nothing without fetching a plugin"),
        None => eprintln!("pulumi: left out; it is not on PATH"),
    }
    let smallest = args.resources.iter().copied().min().unwrap_or(PEER_RESOURCES_MAX);
    if smallest > PEER_RESOURCES_MAX {
        eprintln!(
            "terraform: left out; {smallest} resources are more than the {PEER_RESOURCES_MAX} it is measured with"
        );
        return Ok(());
    }
    for &shape in shapes {
        let folder = scratch.path().join(format!("terraform-{shape}"));
        if !terraform::measure(shape, smallest, &folder, figures)? {
            eprintln!("terraform: left out; it is not on PATH");
            break;
        }
    }
    Ok(())
}
