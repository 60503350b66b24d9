//! One running instance of a process: spawned or adopted, waited for, stopped with everything it started.
//!
//! Each instance leads a process group and carries a marker in its environment, which its descendants inherit. With the record
//! of its identity, a new agent finds what an agent that was killed has left behind: the same specification is adopted, anything
//! else is stopped.

use std::os::unix::{ffi::OsStrExt, process::ExitStatusExt};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::error::{Error, Result};
use super::folder::{Folder, create_private, remove_if_there, write_private};
use super::process_table::{self, Identity};
use super::{limits, logs};
use crate::spec::ProcessSpec;

/// The environment variable that marks everything a process starts. Its value is the process's own folder.
pub(crate) const MARKER: &str = "TERRANE_PROCESS";

/// How often an adopted process, or what is left of a stopped one, is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// How long the kernel gets to take a killed process away.
const KILL_LIMIT: Duration = Duration::from_secs(5);

/// Where a process lives: its agent's folder and its name.
#[derive(Clone)]
pub(crate) struct Home {
    pub(crate) folder: Folder,
    pub(crate) name: String,
}

/// What is written down about a running instance.
#[derive(Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) identity: Identity,
    spec: ProcessSpec,
    notes: Vec<String>,
}

/// A running instance.
pub(crate) struct Instance {
    pub(crate) identity: Identity,
    /// What could not be done for it.
    pub(crate) notes: Vec<String>,
    /// `None` for an adopted one: it is some other process's child.
    child: Option<Child>,
}

impl Home {
    fn marker(&self) -> String {
        format!("{MARKER}={}", self.folder.process(&self.name).display())
    }

    pub(crate) fn record(&self) -> Option<Record> {
        serde_json::from_slice(&std::fs::read(self.folder.instance(&self.name)).ok()?).ok()
    }

    /// The processes of this instance that run: the leader's group, while the leader's id is known to be its own, and all
    /// that carry the marker.
    fn survivors(&self, leader: Option<u32>) -> Vec<u32> {
        let mut pids: Vec<u32> = process_table::with_environment(&self.marker());
        pids.extend(leader.map(process_table::group).unwrap_or_default());
        pids.sort_unstable();
        pids.dedup();
        pids
    }

    /// Stops whatever an earlier agent left of this process.
    pub(crate) async fn clear(&self, limit: Duration) -> Result<()> {
        let leader =
            self.record().map(|record| record.identity).filter(Identity::is_alive).map(|identity| identity.pid);
        self.end(leader, limit).await;
        remove_if_there(&self.folder.instance(&self.name))
    }

    /// Asks all survivors to end, and kills those that haven't by the limit.
    async fn end(&self, leader: Option<u32>, limit: Duration) {
        for (signal, limit) in [(Signal::TERM, limit), (Signal::KILL, KILL_LIMIT)] {
            let deadline = Instant::now() + limit;
            let mut survivors = self.survivors(leader);
            survivors.iter().for_each(|pid| send(*pid, signal));
            while !survivors.is_empty() && Instant::now() < deadline {
                sleep(POLL_INTERVAL).await;
                survivors = self.survivors(leader);
            }
            if survivors.is_empty() {
                return;
            }
        }
        logs::note(&format!("{}: processes {:?} outlived SIGKILL", self.name, self.survivors(leader)));
    }
}

impl Instance {
    /// The instance that an earlier agent started from this very specification, if it still runs.
    pub(crate) fn adopt(home: &Home, spec: &ProcessSpec) -> Option<Self> {
        let record = home.record().filter(|record| record.spec == *spec && record.identity.is_alive())?;
        Some(Self { identity: record.identity, notes: record.notes, child: None })
    }

    /// Starts a new instance.
    pub(crate) fn spawn(home: &Home, spec: &ProcessSpec) -> Result<Self> {
        let own_folder = home.folder.process(&home.name);
        create_private(&own_folder)?;
        write_files(&own_folder, spec)?;
        let working_folder = spec.working_folder.as_ref().unwrap_or(&own_folder);
        if !working_folder.is_dir() {
            return Err(Error::Invalid(format!("the working folder {} does not exist", working_folder.display())));
        }
        let log = logs::open(&home.folder.log(&home.name))?;
        let errors = log.try_clone().map_err(Error::io("open", home.folder.log(&home.name).display()))?;
        let mut command = Command::new(&spec.program);
        // The flags of this program, and the passphrase of its secrets, are none of a server's business.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_bytes().starts_with(b"TERRANE_")) {
            command.env_remove(name);
        }
        let child = command
            .args(&spec.arguments)
            .envs(&spec.environment)
            .env(MARKER, &own_folder)
            .current_dir(working_folder)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(Error::io("start", &spec.program))?;
        let pid = child.id().unwrap_or_default();
        // A child that has already ended has no row; any identity that isn't alive will do for it.
        let identity = Identity::of(pid).unwrap_or(Identity { pid, started: String::new() });
        let instance = Self { notes: limits::apply(pid, &spec.limits), identity, child: Some(child) };
        let record = Record { identity: instance.identity.clone(), spec: spec.clone(), notes: instance.notes.clone() };
        let content = serde_json::to_vec(&record).map_err(|error| Error::Invalid(error.to_string()))?;
        create_private(&home.folder.instances())?;
        write_private(&home.folder.instance(&home.name), &content)?;
        Ok(instance)
    }

    /// Waits until the leader has ended, and says how. May be dropped and called again.
    pub(crate) async fn ended(&mut self) -> String {
        let Some(child) = &mut self.child else {
            while self.identity.is_alive() {
                sleep(POLL_INTERVAL).await;
            }
            return "ended (adopted, so with an unknown status)".to_owned();
        };
        match child.wait().await {
            Ok(status) => describe(status),
            Err(error) => format!("was lost: {error}"),
        }
    }

    /// Stops the leader and everything it started: SIGTERM to the group, SIGKILL to what is left after the limit.
    pub(crate) async fn stop(mut self, home: &Home, limit: Duration) -> String {
        let started = Instant::now();
        signal_group(self.identity.pid, Signal::TERM);
        let ended = tokio::time::timeout(limit, self.ended()).await;
        let left = limit.saturating_sub(started.elapsed());
        home.end(Some(self.identity.pid), left).await;
        let _ = remove_if_there(&home.folder.instance(&home.name));
        ended.unwrap_or_else(|_| format!("killed after {} ms without a graceful end", limit.as_millis()))
    }

    /// Takes away what a leader that ended by itself has left running.
    pub(crate) async fn sweep(self, home: &Home) {
        home.end(Some(self.identity.pid), Duration::ZERO).await;
        let _ = remove_if_there(&home.folder.instance(&home.name));
    }
}

fn write_files(folder: &std::path::Path, spec: &ProcessSpec) -> Result<()> {
    for (name, content) in &spec.files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            create_private(parent)?;
        }
        write_private(&path, content.as_bytes())?;
    }
    Ok(())
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with {code}"),
        (None, Some(signal)) => format!("was killed by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}

fn rustix_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// A process that is gone already needs no signal, so errors don't matter.
fn send(pid: u32, signal: Signal) {
    if let Some(pid) = rustix_pid(pid) {
        let _ = kill_process(pid, signal);
    }
}

fn signal_group(leader: u32, signal: Signal) {
    if let Some(group) = rustix_pid(leader)
        && test_kill_process_group(group).is_ok()
    {
        let _ = kill_process_group(group, signal);
    }
}
