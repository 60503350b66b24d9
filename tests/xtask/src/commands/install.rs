//! `cargo xtask install`: puts the tools that the tests need into the cache folder, and nothing else.

use std::process::ExitCode;

use anyhow::Result;

use crate::{cache, report::Report, tools};

/// Install the tools that the tests need into the cache folder (`TERRANE_CACHE`)
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Installs every tool; those already there cost nothing.
pub(crate) fn run() -> Result<ExitCode> {
    let cache = cache::folder()?;
    let mut report = Report::default();
    for tool in tools::ALL {
        report.step(&tool.install_step(), || tool.install(&cache));
    }
    Ok(report.finish())
}
