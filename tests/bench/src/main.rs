//! Measures what Terrane costs and what a crash costs: the engine on a provider in memory, tools that are killed, and a Restate
//! cluster beside the same servers started by hand. Run as `cargo xtask bench`, which makes the release builds.

mod crash;
mod engine;
mod restate;
mod scratch;

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::{Parser, Subcommand};

/// Measure the engine, crashes, or a whole cluster
#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Crash(crash::Args),
    Engine(engine::Args),
    Restate(restate::Args),
    /// One case of `engine`, in a process whose memory is its own
    #[command(hide = true)]
    Case(engine::Case),
    /// One run of `crash`, in a process that is killed
    #[command(hide = true)]
    CrashRun(crash::Run),
}

fn main() -> ExitCode {
    run().unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run() -> Result<ExitCode> {
    // The agents of the regions made by hand are this program, started anew.
    if let Some(code) = terrane_local::serve_if_asked().map_err(|error| anyhow!("{error}"))? {
        return Ok(code);
    }
    match Line::parse().command {
        Command::Crash(args) => crash::run(&args)?,
        Command::Engine(args) => engine::run(&args)?,
        Command::Restate(args) => restate::run(&args)?,
        Command::Case(case) => case.run()?,
        Command::CrashRun(run) => run.run()?,
    }
    Ok(ExitCode::SUCCESS)
}
