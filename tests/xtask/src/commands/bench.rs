//! `cargo xtask bench`: makes the release builds that are measured, then runs the measurements.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::cache;
use crate::workspace::{self, Workspace};

/// The crate that measures.
const BENCH: &str = "terrane-bench";
/// The example that it starts for `restate`.
const EXAMPLE: &str = "restate-two-region";

/// Measure the engine, crashes, or a whole cluster, in release builds
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What to measure, `engine`, `crash` or `restate`, and its flags; `cargo xtask bench engine --help` lists them
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    arguments: Vec<OsString>,
}

/// Builds and measures; the exit code is that of the measurements.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let cargo = |words: &[&str]| {
        let mut command = workspace::cargo();
        command.args(words).arg("--release").current_dir(&workspace.root);
        command.env(cache::VARIABLE, cache::folder()?);
        anyhow::Ok(command)
    };
    if args.arguments.first().is_some_and(|what| what == "restate") {
        let status = cargo(&["build", "--package", EXAMPLE])?.status().context("cargo could not be started")?;
        if !status.success() {
            return Ok(ExitCode::FAILURE);
        }
    }
    let mut measure = cargo(&["run", "--package", BENCH])?;
    let status = measure.arg("--").args(&args.arguments).status().context("cargo could not be started")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
