//! One case: a verb on one graph. `measure` starts a process for it, in which `run` carries it out.

use std::env;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use terrane::automation::{ApplyOptions, FileStore, Project, Report, Store};
use terrane_state::RealWorld;
use terrane_state::s3::{S3Store, Settings};

use super::bucket::{Bucket, Traffic};
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
    /// Nothing but reading the state
    Read,
}

/// What keeps the state.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Keep {
    /// The disk
    #[default]
    Disk,
    /// A bucket, whose every request takes its time
    Bucket,
}

/// A verb on a graph whose state is in a folder.
#[derive(Debug, Clone, clap::Args)]
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
    #[arg(long, default_value = "disk")]
    pub(super) keep: Keep,
    /// How long a request to the bucket takes
    #[arg(long, default_value_t = 0)]
    pub(super) latency_ms: u64,
    /// How long each create takes at least
    #[arg(long, default_value_t = 0)]
    pub(super) delay_ms: u64,
}

/// What only the process itself can tell.
#[derive(Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) rss_bytes: u64,
    written_bytes: u64,
    /// How long the verb itself took.
    pub(super) seconds: f64,
    /// What a bucket was asked.
    pub(super) traffic: Traffic,
}

impl Case {
    /// A case with its state on the disk and resources that cost nothing.
    pub(super) fn new(verb: Verb, shape: Shape, resources: usize, folder: PathBuf) -> Self {
        Self { verb, shape, resources, folder, keep: Keep::Disk, latency_ms: 0, delay_ms: 0 }
    }

    /// Carries the case out in a new process, and gives what that says of itself.
    pub(super) fn tell(&self) -> Result<Told> {
        let Self { verb, shape, resources, latency_ms, delay_ms, .. } = self;
        let keep = if self.keep == Keep::Disk { "disk" } else { "bucket" };
        let numbers = format!("--resources {resources} --latency-ms {latency_ms} --delay-ms {delay_ms}");
        let output = Command::new(env::current_exe()?)
            .args(["case", "--verb", verb.word(), "--shape", &shape.to_string(), "--keep", keep])
            .args(numbers.split(' '))
            .arg("--folder")
            .arg(&self.folder)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .context("starting a process for the case")?;
        ensure!(output.status.success(), "{verb} of {resources} resources ({shape}) failed, see above");
        serde_json::from_slice(&output.stdout).context("reading what the case tells")
    }

    /// Carries the case out in a new process.
    pub(super) fn measure(&self) -> Result<Figure> {
        let began = Instant::now();
        let Told { rss_bytes, written_bytes, .. } = self.tell()?;
        let seconds = began.elapsed().as_secs_f64();
        let state_bytes = folder_bytes(&self.folder)?;
        let case = self.verb.word();
        Ok(Figure { rss_bytes, state_bytes, written_bytes, ..Figure::new("terrane", case, self, seconds) })
    }

    /// Carries the case out in this process, and prints what it has cost.
    pub(crate) fn run(self) -> Result<()> {
        // Without the driver of sockets, which wakes itself by writes: all that is written goes to state.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let written_before = process::written_bytes()?;
        let bucket = Arc::new(Bucket::new(self.folder.clone(), Duration::from_millis(self.latency_ms)));
        let began = Instant::now();
        runtime.block_on(self.carry_out(&bucket))?;
        let seconds = began.elapsed().as_secs_f64();
        drop(runtime);
        let written_bytes = process::written_bytes()? - written_before;
        let (rss_bytes, traffic) = (process::peak_memory_bytes()?, bucket.traffic());
        let told = Told { rss_bytes, written_bytes, seconds, traffic };
        println!("{}", serde_json::to_string(&told)?);
        Ok(())
    }

    async fn carry_out(&self, bucket: &Arc<Bucket>) -> Result<()> {
        let (shape, resources, delay_ms) = (self.shape, self.resources, self.delay_ms);
        let project = Project::new("bench", move |stack| {
            shape.declare(stack, resources, delay_ms);
            Ok(())
        });
        let project = project.store(self.store(bucket));
        let stack = project.stack("dev").options(ApplyOptions { parallel: PARALLEL, ..ApplyOptions::default() });
        let done = match self.verb {
            Verb::Create => created(&stack.up().await?),
            Verb::Preview => stack.preview().await?.counts().same,
            Verb::Noop => resources.abs_diff(created(&stack.up().await?)),
            Verb::Destroy => stack.destroy().await?.counts.delete,
            Verb::Read => stack.session().state().await?.map_or(0, |state| state.live.len()),
        };
        ensure!(done == resources, "{} came to {done} of {resources} resources", self.verb);
        Ok(())
    }
}

impl Case {
    /// What keeps the state.
    fn store(&self, bucket: &Arc<Bucket>) -> Arc<dyn Store> {
        match self.keep {
            Keep::Disk => Arc::new(FileStore::new(self.folder.clone())),
            Keep::Bucket => {
                let settings = Settings::default();
                Arc::new(S3Store::new(bucket.clone(), Arc::new(RealWorld::default()), settings))
            }
        }
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
            Self::Read => "read",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
