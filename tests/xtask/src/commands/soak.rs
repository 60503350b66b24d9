//! `cargo xtask soak`: kills the program and lets processes race for as long as one likes, and prints how often what happened.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::workspace::{self, Workspace};
use crate::{cache, report::Report, tools};

/// Kill the program at random moments, with state on a disk and on S3, and let many processes race for one stack
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often the program is killed with its state on a disk; half as often on S3
    #[arg(long, default_value_t = 2_000, value_name = "NUMBER")]
    kills: u64,

    /// What serves the bucket: the local platform, which answers many requests at once, or moto
    #[arg(long, value_enum, default_value_t = Store::Embedded)]
    store: Store,

    /// How many processes race at most
    #[arg(long, default_value_t = 32, value_name = "NUMBER")]
    racers: u64,

    /// Where the random moments begin
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    seed: u64,
}

/// A server with S3's interface.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Store {
    Embedded,
    Moto,
}

/// Installs what the tests need, then runs those that every test run leaves out.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let cache = cache::folder()?;
    let workspace = Workspace::load()?;
    let mut report = Report::default();
    let needed = |tool: &&tools::Tool| args.store == Store::Moto && tool.tested_by == "terrane-tests";
    for tool in tools::ALL.iter().filter(needed) {
        report.step(&tool.install_step(), || tool.install(&cache));
    }
    report.step("soak", || {
        let mut command = workspace::cargo();
        command.args(["test", "--package", "terrane-tests", "--test", "main", "soak::", "--"]);
        command.args(["--ignored", "--nocapture", "--test-threads", "1"]);
        command.current_dir(&workspace.root).env(cache::VARIABLE, &cache);
        command.env("TERRANE_SOAK_KILLS", args.kills.to_string());
        command.env("TERRANE_SOAK_KILLS_S3", (args.kills / 2).to_string());
        let store = args.store.to_possible_value().context("a store has no name")?;
        command.env("TERRANE_SOAK_STORE", store.get_name());
        command.env("TERRANE_SOAK_RACERS", args.racers.to_string()).env("TERRANE_SOAK_SEED", args.seed.to_string());
        let status = command.status().context("cargo could not be started")?;
        anyhow::ensure!(status.success(), "a run did not end where it should, see above ({status})");
        Ok("every run ended where it should".to_owned())
    });
    Ok(report.finish())
}
