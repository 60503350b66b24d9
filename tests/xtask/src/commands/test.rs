//! `cargo xtask test`: installs what the tests need, then runs them all.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::workspace::{self, Workspace};
use crate::{cache, report::Report, tools};

/// Install what the tests need, then run the tests of every crate
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the crates of this name or folder: engine, restate, examples, … (repeatable)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,

    /// Install nothing: the tests use what the cache folder already holds
    #[arg(long)]
    no_install: bool,

    /// Arguments for the test binaries, as after `cargo test --`
    #[arg(last = true, value_name = "ARGS")]
    test_arguments: Vec<String>,
}

/// Runs the steps in order and prints a summary; the exit code tells whether all passed.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let cache = cache::folder()?;
    let workspace = Workspace::load()?;
    let packages = workspace.select(&args.only)?;

    let mut report = Report::default();
    for tool in tools::ALL {
        if !args.no_install && workspace.depends_on(&packages, tool.tested_by) {
            report.step(&tool.install_step(), || tool.install(&cache));
        }
    }
    report.step("cargo test", || {
        let mut command = cargo_test(&workspace, &cache);
        if args.only.is_empty() {
            command.arg("--workspace");
        } else {
            command.args(packages.iter().flat_map(|package| ["--package", package]));
        }
        command.arg("--").args(&args.test_arguments);
        let status = command.status().context("cargo could not be started")?;
        if !status.success() {
            bail!("tests failed, see above ({status})");
        }
        Ok("passed".to_owned())
    });
    Ok(report.finish())
}

/// `cargo test` in the workspace's root. One failing crate doesn't hide another's failures.
fn cargo_test(workspace: &Workspace, cache: &Path) -> Command {
    let mut command = workspace::cargo();
    command.args(["test", "--no-fail-fast"]).current_dir(&workspace.root).env(cache::VARIABLE, cache);
    command
}
