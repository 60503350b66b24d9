//! `cargo xtask sim`: a release build of the simulation, and then the simulation.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::workspace::{self, Workspace};

/// The crate that simulates.
const SIM: &str = "terrane-sim";

/// Run the engine and its journal in simulated worlds, in a release build
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Args {
    /// What to run, such as `--seeds 10000` or `--replay 41`; `cargo xtask sim --help` lists all flags
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    arguments: Vec<OsString>,
}

/// Builds and simulates; the exit code is that of the simulation.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let mut simulate = workspace::cargo();
    simulate.args(["run", "--quiet", "--release", "--package", SIM]).current_dir(&workspace.root);
    let plants = |argument: &OsString| argument.to_str().is_some_and(|argument| argument.starts_with("--planted"));
    let plants_any = args.arguments.iter().any(plants);
    if plants_any {
        simulate.args(["--features", "planted"]);
    }
    let status = simulate.arg("--").args(&args.arguments).status().context("cargo could not be started")?;
    let caught = !plants_any || disk_bugs_are_caught(&workspace)?;
    Ok(if status.success() && caught { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Bugs of the journal on a disk are caught by the tests of the disk layer, on a simulated device.
fn disk_bugs_are_caught(workspace: &Workspace) -> Result<bool> {
    let mut test = workspace::cargo();
    test.args([
        "test",
        "--quiet",
        "--package",
        "terrane-state",
        "--features",
        "planted",
        "--lib",
        "disk::tests::planted",
    ]);
    let status = test.current_dir(&workspace.root).status().context("cargo could not be started")?;
    Ok(status.success())
}
