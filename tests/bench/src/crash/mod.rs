//! `cargo xtask bench crash`: tools that create the same objects are killed at the same calls, and then run again as an operator would. What
//! is left that nobody knows of, what is there twice, and what the operator had to do beyond that are counted.

mod own;
mod place;
mod pulumi;
mod terraform;

use std::collections::BTreeSet;
use std::env;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use crate::engine::on_path;
use crate::scratch::Scratch;
pub(crate) use own::Run;
use place::{Damage, Kill, Place};

/// How many steps run at the same time, in every tool: Terraform's default.
const PARALLEL: usize = 10;
/// Each resource waits for the one so many places before it.
const CHAINS: usize = 4;
/// How often an operator runs a tool again before giving up.
const RUNS_MAX: usize = 3;

/// Kill Terrane and other tools on PATH at the same calls, and count what is lost
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often each tool is killed
    #[arg(long, default_value_t = 24, value_name = "NUMBER")]
    kills: usize,

    /// How many objects a program creates
    #[arg(long, default_value_t = 12, value_name = "NUMBER")]
    resources: usize,

    /// Write JSON, an object a tool
    #[arg(long)]
    json: bool,
}

/// A tool that makes objects.
trait Tool {
    fn name(&self) -> &'static str;

    /// Writes the program that makes so many objects.
    fn prepare(&self, place: &Place, resources: usize) -> Result<()>;

    /// The command that makes the objects, and that an operator gives again after a crash.
    fn apply(&self, place: &Place, resources: usize) -> Result<Command>;

    /// What it knows of the objects: ids or tags.
    fn known(&self, place: &Place) -> Result<BTreeSet<String>>;

    /// What an operator has to do when the command fails.
    fn repairs(&self, place: &Place) -> Result<Vec<Command>>;
}

/// What became of one tool.
#[derive(Debug, Default, Serialize)]
struct Figure {
    tool: &'static str,
    kills: usize,
    orphans: usize,
    duplicates: usize,
    manual: usize,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let program = env::current_exe().context("finding this program's own file")?;
    let scratch = Scratch::below(program.parent().context("this program is in no folder")?)?;
    let mut tools: Vec<Box<dyn Tool>> = vec![Box::new(own::Own)];
    match on_path("terraform") {
        Some(binary) => tools.push(Box::new(terraform::Terraform { binary })),
        None => eprintln!("terraform: left out; it is not on PATH"),
    }
    match on_path("pulumi") {
        Some(binary) => tools.push(Box::new(pulumi::Pulumi { binary })),
        None => eprintln!("pulumi: left out; it is not on PATH"),
    }
    if !args.json {
        println!("{:<10} {:>6} {:>8} {:>11} {:>7}", "tool", "kills", "orphans", "duplicates", "manual");
    }
    for tool in &tools {
        match measure(&**tool, args, &scratch)? {
            Some(figure) => print(&figure, args.json)?,
            None => eprintln!("{}: left out, see above", tool.name()),
        }
    }
    Ok(())
}

fn print(figure: &Figure, json: bool) -> Result<()> {
    let Figure { tool, kills, orphans, duplicates, manual } = figure;
    match json {
        true => println!("{}", serde_json::to_string(figure)?),
        false => println!("{tool:<10} {kills:>6} {orphans:>8} {duplicates:>11} {manual:>7}"),
    }
    Ok(())
}

/// Kills a tool before and after every call in turn; none where the tool can't run its program at all.
fn measure(tool: &dyn Tool, args: &Args, scratch: &Scratch) -> Result<Option<Figure>> {
    let mut figure = Figure { tool: tool.name(), ..Figure::default() };
    for number in 0..args.kills {
        let place = Place::new(scratch.path().join(format!("{}-{number}", tool.name())))?;
        if let Err(error) = tool.prepare(&place, args.resources) {
            ensure!(number == 0, "{error:#}");
            eprintln!("{}: {error:#}", tool.name());
            return Ok(None);
        }
        let call = 1 + number / 2 % args.resources;
        let kill = if number % 2 == 0 { Kill::Before(call) } else { Kill::After(call) };
        figure.manual += crash(tool, &place, args.resources, kill)?;
        let Damage { orphans, duplicates } = place.damage(&tool.known(&place)?)?;
        figure.kills += 1;
        figure.orphans += orphans;
        figure.duplicates += duplicates;
    }
    Ok(Some(figure))
}

/// Kills a run, and runs the tool again until it succeeds; tells how many other commands that took.
fn crash(tool: &dyn Tool, place: &Place, resources: usize, kill: Kill) -> Result<usize> {
    let status = start(place, tool.apply(place, resources)?, Some(kill))?;
    ensure!(status.signal().is_some(), "{} was to be killed {kill}, and ended by itself ({status})", tool.name());
    place.quiet()?;
    let mut manual = 0;
    for _ in 0..RUNS_MAX {
        if start(place, tool.apply(place, resources)?, None)?.success() {
            return Ok(manual);
        }
        for repair in tool.repairs(place)? {
            start(place, repair, None)?;
            manual += 1;
        }
    }
    bail!("{} does not succeed again after it was killed {kill}", tool.name())
}

fn start(place: &Place, mut command: Command, kill: Option<Kill>) -> Result<std::process::ExitStatus> {
    place.lead(&mut command, kill);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().with_context(|| format!("starting {:?}", command.get_program()))
}
