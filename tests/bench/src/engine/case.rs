//! One case: a verb on one graph. `measure` starts a process for it, in which `run` carries it out.

use std::env;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use terrane::automation::{ApplyOptions, FileStore, Project, Report};

use super::figure::Figure;
use super::process;
use super::shape::{PARALLEL, Shape};
use crate::scratch::folder_bytes;

/// What is done to the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Verb {
    /// `up` on an empty stack
    Create,
    /// `preview` when nothing has changed
    Preview,
    /// `up` when nothing has changed
    Noop,
    /// `destroy` of everything
    Destroy,
}

/// A verb on a graph whose state is in a folder.
#[derive(Debug, clap::Args)]
pub(crate) struct Case {
    #[arg(long)]
    pub(super) verb: Verb,
    #[arg(long)]
    pub(super) shape: Shape,
    #[arg(long)]
    pub(super) resources: usize,
    /// Where its state is kept
    #[arg(long)]
    pub(super) folder: PathBuf,
}

/// What only the process itself can tell.
#[derive(Serialize, Deserialize)]
struct Told {
    rss_bytes: u64,
    written_bytes: u64,
}

impl Case {
    /// Carries the case out in a new process.
    pub(super) fn measure(&self) -> Result<Figure> {
        let (verb, shape) = (self.verb.to_string(), self.shape.to_string());
        let began = Instant::now();
        let output = Command::new(env::current_exe()?)
            .args(["case", "--verb", &verb, "--shape", &shape, "--resources", &self.resources.to_string(), "--folder"])
            .arg(&self.folder)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("starting a process for the case")?;
        let seconds = began.elapsed().as_secs_f64();
        ensure!(output.status.success(), "{verb} of {} resources ({shape}) failed, see above", self.resources);
        let Told { rss_bytes, written_bytes } =
            serde_json::from_slice(&output.stdout).context("reading what the case tells")?;
        let state_bytes = folder_bytes(&self.folder)?;
        let case = self.verb.word();
        Ok(Figure { rss_bytes, state_bytes, written_bytes, ..Figure::new("terrane", case, self, seconds) })
    }

    /// Carries the case out in this process, and prints what it has cost.
    pub(crate) fn run(self) -> Result<()> {
        // Without the driver of sockets, which wakes itself by writes: all that is written goes to state.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let written_before = process::written_bytes()?;
        runtime.block_on(self.carry_out())?;
        drop(runtime);
        let written_bytes = process::written_bytes()? - written_before;
        let told = Told { written_bytes, rss_bytes: process::peak_memory_bytes()? };
        println!("{}", serde_json::to_string(&told)?);
        Ok(())
    }

    async fn carry_out(&self) -> Result<()> {
        let (shape, resources) = (self.shape, self.resources);
        let project = Project::new("bench", move |stack| {
            shape.declare(stack, resources);
            Ok(())
        });
        let project = project.store(Arc::new(FileStore::new(self.folder.clone())));
        let stack = project.stack("dev").options(ApplyOptions { parallel: PARALLEL, ..ApplyOptions::default() });
        let done = match self.verb {
            Verb::Create => created(&stack.up().await?),
            Verb::Preview => stack.preview().await?.counts().same,
            Verb::Noop => resources.abs_diff(created(&stack.up().await?)),
            Verb::Destroy => stack.destroy().await?.counts.delete,
        };
        ensure!(done == resources, "{} came to {done} of {resources} resources", self.verb);
        Ok(())
    }
}

fn created(report: &Report) -> usize {
    report.counts.create
}

impl Verb {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Preview => "preview",
            Self::Noop => "noop",
            Self::Destroy => "destroy",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
