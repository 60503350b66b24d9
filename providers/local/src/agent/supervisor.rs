//! The supervisor of one process: starts it, watches its readiness, starts it again when it dies, and stops it when told.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::backoff::Backoff;
use super::error::{Error, Result};
use super::process::{Home, Instance};
use super::slots::lock;
use super::{logs, ports, process_table, readiness};
use crate::spec::ProcessSpec;
use crate::status::{ProcessState, ProcessStatus};

/// First delay between restarts, after one immediate restart.
const RESTART_DELAY: Duration = Duration::from_millis(200);

/// Longest delay between restarts, before jitter.
const RESTART_DELAY_MAX: Duration = Duration::from_secs(10);

/// A process that is meant to run.
pub(crate) struct Supervisor {
    status: Arc<Mutex<ProcessStatus>>,
    commands: mpsc::Sender<Command>,
    task: Mutex<Option<JoinHandle<()>>>,
}

enum Command {
    Restart(oneshot::Sender<()>),
    Stop,
}

/// Why a run is over.
enum Over {
    /// It ended by itself, or never started: what happened, and how long it had been running.
    Failed(String, Duration),
    Restart(oneshot::Sender<()>),
    Stop,
}

/// Refuses a specification that could never run.
pub(crate) fn check(spec: &ProcessSpec) -> Result<()> {
    if spec.program.is_empty() {
        return Err(Error::Invalid("the program's name is empty".to_owned()));
    }
    for name in spec.files.keys() {
        let path = std::path::Path::new(name);
        if name.is_empty() || !path.components().all(|part| matches!(part, std::path::Component::Normal(_))) {
            let text = format!("the file `{name}` must be a path inside the process's own folder, without `..`");
            return Err(Error::Invalid(text));
        }
    }
    readiness::check(&spec.readiness)
}

/// Refuses addresses that a process other than this one holds.
pub(crate) fn check_addresses(home: &Home, spec: &ProcessSpec) -> Result<()> {
    let own: BTreeSet<u32> = home.record().map(|record| record.identity.pid).into_iter().collect();
    let own = if own.is_empty() { own } else { process_table::family(&own) };
    spec.addresses.iter().try_for_each(|address| ports::check_free(*address, &own))
}

impl Supervisor {
    /// Begins to supervise, by adopting what an earlier agent started or by starting anew.
    pub(crate) fn start(home: Home, spec: ProcessSpec) -> Self {
        let status = Arc::new(Mutex::new(ProcessStatus {
            pid: None,
            state: ProcessState::Starting,
            progress: "starting".to_owned(),
            restarts: 0,
            last_exit: None,
            started_at_ms: None,
            addresses: spec.addresses.clone(),
            log: home.folder.log(&home.name),
            notes: Vec::new(),
        }));
        let (commands, receiver) = mpsc::channel(8);
        let run = Run { home, spec, status: Arc::clone(&status), commands: receiver };
        Self { status, commands, task: Mutex::new(Some(tokio::spawn(run.supervise()))) }
    }

    pub(crate) fn status(&self) -> ProcessStatus {
        lock(&self.status).clone()
    }

    /// Stops the running instance and starts another at once; returns when the old one is gone.
    pub(crate) async fn restart(&self) {
        let (done, stopped) = oneshot::channel();
        if self.commands.send(Command::Restart(done)).await.is_ok() {
            let _ = stopped.await;
        }
    }

    /// Stops the process for good; returns when all of it is gone.
    pub(crate) async fn stop(&self) {
        let task = lock(&self.task).take();
        if let Some(task) = task {
            let _ = self.commands.send(Command::Stop).await;
            let _ = task.await;
        }
    }
}

/// The supervising task.
struct Run {
    home: Home,
    spec: ProcessSpec,
    status: Arc<Mutex<ProcessStatus>>,
    commands: mpsc::Receiver<Command>,
}

impl Run {
    async fn supervise(mut self) {
        let mut backoff = Backoff::new(RESTART_DELAY, RESTART_DELAY_MAX);
        loop {
            let over = match self.begin().await {
                Ok(instance) => self.watch(instance).await,
                Err(error) => Over::Failed(error.to_string(), Duration::ZERO),
            };
            let over = match over {
                Over::Failed(what, ran) => self.back_off(&what, backoff.after_run(ran)).await,
                told => Some(told),
            };
            match over {
                Some(Over::Stop) => break,
                Some(Over::Restart(done)) => {
                    backoff.reset();
                    let _ = done.send(());
                }
                Some(Over::Failed(..)) | None => {}
            }
            self.update(|status| status.restarts += 1);
        }
        self.update(|status| {
            status.state = ProcessState::Stopped;
            status.pid = None;
            status.progress = "stopped".to_owned();
        });
    }

    /// Adopts or starts an instance.
    async fn begin(&self) -> Result<Instance> {
        let adopted = Instance::adopt(&self.home, &self.spec);
        let instance = if let Some(instance) = adopted {
            logs::note(&format!("{}: adopted pid {}", self.home.name, instance.identity.pid));
            instance
        } else {
            self.home.clear(self.stop_limit()).await?;
            check_addresses(&self.home, &self.spec)?;
            let instance = Instance::spawn(&self.home, &self.spec)?;
            logs::note(&format!("{}: started pid {}", self.home.name, instance.identity.pid));
            instance
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.update(|status| {
            status.pid = Some(instance.identity.pid);
            status.state = ProcessState::Starting;
            status.progress = "starting".to_owned();
            status.started_at_ms = u64::try_from(now.as_millis()).ok();
            status.notes.clone_from(&instance.notes);
        });
        Ok(instance)
    }

    /// Watches a running instance until it ends or is told to.
    async fn watch(&mut self, mut instance: Instance) -> Over {
        let began = Instant::now();
        let told = tokio::select! {
            how = instance.ended() => Err(how),
            command = next(&mut self.commands) => Ok(command),
            never = become_ready(&self.spec, &self.status) => match never {},
        };
        match told {
            Err(how) => {
                instance.sweep(&self.home).await;
                Over::Failed(how, began.elapsed())
            }
            Ok(command) => {
                self.update(|status| status.progress = "stopping".to_owned());
                let how = instance.stop(&self.home, self.stop_limit()).await;
                self.update(|status| {
                    status.pid = None;
                    status.last_exit = Some(how);
                });
                Over::from(command)
            }
        }
    }

    /// Waits before the next attempt, unless told otherwise.
    async fn back_off(&mut self, what: &str, delay: Duration) -> Option<Over> {
        let last_line = logs::tail(&self.home.folder.log(&self.home.name), 1);
        let restart = lock(&self.status).restarts + 1;
        let mut progress = format!("{what}, restart {restart} in {:.1} s", delay.as_secs_f64());
        if !last_line.is_empty() {
            progress.push_str(": ");
            progress.push_str(&last_line);
        }
        logs::note(&format!("{}: {progress}", self.home.name));
        self.update(|status| {
            status.state = ProcessState::BackingOff;
            status.pid = None;
            status.last_exit = Some(what.to_owned());
            status.progress = progress;
        });
        tokio::select! {
            () = sleep(delay) => None,
            command = next(&mut self.commands) => Some(Over::from(command)),
        }
    }

    fn stop_limit(&self) -> Duration {
        Duration::from_millis(self.spec.stop_limit_ms)
    }

    fn update(&self, change: impl FnOnce(&mut ProcessStatus)) {
        change(&mut lock(&self.status));
    }
}

impl From<Command> for Over {
    fn from(command: Command) -> Self {
        match command {
            Command::Restart(done) => Self::Restart(done),
            Command::Stop => Self::Stop,
        }
    }
}

/// The next command. A supervisor that was dropped, as when the agent itself ends, leaves its process to the next agent.
async fn next(commands: &mut mpsc::Receiver<Command>) -> Command {
    match commands.recv().await {
        Some(command) => command,
        None => std::future::pending().await,
    }
}

/// Probes until the process is ready, tells so in its status, and then waits forever.
async fn become_ready(spec: &ProcessSpec, status: &Mutex<ProcessStatus>) -> Infallible {
    loop {
        match readiness::probe(&spec.readiness).await {
            Ok(()) => break,
            Err(missing) => lock(status).progress = missing,
        }
        sleep(readiness::PROBE_INTERVAL).await;
    }
    {
        let mut status = lock(status);
        status.state = ProcessState::Ready;
        status.progress = "ready".to_owned();
    }
    std::future::pending().await
}
