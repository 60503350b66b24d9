//! The folder in which both sides run, one after the other: the example's own command line, and everything it starts.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use terrane_local::agent;
use terrane_local::client::Client;
use tokio::process::Command;

use crate::scratch::Scratch;

/// The example that is measured: the name of its program and of its project.
pub(super) const EXAMPLE: &str = "restate-two-region";
/// The stack that a program uses when nobody names one.
pub(super) const STACK: &str = "dev";
/// How long `up` may take.
const UP_WITHIN: Duration = Duration::from_secs(300);

/// A folder of its own for state and for the local platform.
pub(super) struct Place {
    // In the system's folder of temporary files: the regions' sockets need short paths.
    scratch: Scratch,
    example: PathBuf,
}

impl Place {
    pub(super) fn new() -> Result<Self> {
        let example = env::current_exe().context("finding this program's own file")?.with_file_name(EXAMPLE);
        ensure!(example.is_file(), "{} is not built; `cargo xtask bench restate` builds it", example.display());
        Ok(Self { scratch: Scratch::below(&env::temp_dir())?, example })
    }

    /// The folder of the state.
    pub(super) fn state(&self) -> PathBuf {
        self.scratch.path().join("state")
    }

    fn local(&self) -> PathBuf {
        self.scratch.path().join("local")
    }

    /// The folders of the regions that have an agent, or had one.
    pub(super) fn regions(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.local().join(EXAMPLE).join(STACK));
        let folders = entries.into_iter().flatten().flatten().map(|entry| entry.path());
        folders.filter(|folder| folder.join("desired.json").is_file()).collect()
    }

    /// Runs the example's `up` on empty folders; gives its seconds.
    pub(super) async fn up(&self) -> Result<f64> {
        let mut command = Command::new(&self.example);
        command.args(["up", "--yes", "--non-interactive"]).current_dir(self.scratch.path());
        command.env("TERRANE_STATE", format!("file://{}", self.state().display())).env("TERRANE_LOCAL", self.local());
        command.stdin(Stdio::null()).kill_on_drop(true);
        let began = Instant::now();
        let output = tokio::time::timeout(UP_WITHIN, command.output()).await;
        let output = output.with_context(|| format!("`{EXAMPLE} up` took longer than {} s", UP_WITHIN.as_secs()))??;
        let seconds = began.elapsed().as_secs_f64();
        if !output.status.success() {
            let said =
                [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
            bail!("`{EXAMPLE} up` failed ({}):\n{said}", output.status);
        }
        Ok(seconds)
    }

    /// Ends every agent with all that it runs, and empties the folder.
    pub(super) async fn clear(&self) -> Result<()> {
        for folder in self.regions() {
            // An agent that has died is started once more: only it knows which processes to stop.
            start_agent(&folder).await?;
            Client::connect(&folder).await?.shutdown().await?;
        }
        for folder in [self.local(), self.state()].iter().filter(|folder| folder.exists()) {
            fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
        }
        Ok(())
    }
}

/// Starts the agent of a region, which is this program started anew, unless one answers in the folder.
pub(super) async fn start_agent(folder: &std::path::Path) -> Result<()> {
    let region = folder.file_name().ok_or_else(|| anyhow!("{} names no region", folder.display()))?;
    let words = [env::current_exe()?.into(), "local".into(), "_agent".into(), region.to_owned(), folder.into()];
    agent::start(folder, words.into(), &[]).await?;
    Ok(())
}
