//! A region for a test: its agent is this test binary, and everything it has started is gone when the test ends.

use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use terrane_local::agent::{Started, start};
use terrane_local::client::Client;
use terrane_local::spec::{ProcessSpec, Readiness};
use terrane_local::status::{ProcessStatus, Status};

pub(crate) const FOLDER_VARIABLE: &str = "TERRANE_TEST_AGENT";
pub(crate) const REGION_VARIABLE: &str = "TERRANE_TEST_REGION";

/// How long anything may take before a test gives up.
const LIMIT: Duration = Duration::from_secs(30);

pub(crate) struct Region {
    pub(crate) name: &'static str,
    pub(crate) folder: PathBuf,
}

impl Region {
    pub(crate) async fn start(name: &'static str) -> Self {
        let region = Self { name, folder: new_folder(name) };
        assert_eq!(region.start_agent().await, Started::New);
        region
    }

    pub(crate) async fn start_agent(&self) -> Started {
        let program = std::env::current_exe().unwrap().into_os_string();
        let words = ["agent_entry", "--exact", "--nocapture"].map(OsString::from);
        let environment = [(FOLDER_VARIABLE, self.folder.clone().into()), (REGION_VARIABLE, self.name.into())];
        start(&self.folder, [program].into_iter().chain(words).collect(), &environment).await.unwrap()
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.folder).await.unwrap()
    }

    pub(crate) async fn status(&self) -> Status {
        self.client().await.status().await.unwrap()
    }

    pub(crate) async fn process(&self, name: &str) -> ProcessStatus {
        self.status().await.processes.remove(name).unwrap()
    }

    pub(crate) async fn put(&self, name: &str, spec: ProcessSpec) {
        self.client().await.put_process(name, spec).await.unwrap();
        self.ready(name).await;
    }

    pub(crate) async fn ready(&self, name: &str) -> u32 {
        self.client().await.wait_ready(name, LIMIT, |_| {}).await.unwrap();
        self.process(name).await.pid.unwrap()
    }

    /// Kills the agent alone, as a crash would.
    pub(crate) async fn kill_agent(&self) {
        let pid = self.status().await.pid;
        kill(pid);
        eventually("the agent is gone", async || !is_running(pid)).await;
    }

    /// The processes that carry this region's marker.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let marker = format!("TERRANE_PROCESS={}/", self.folder.display());
        let carries = |pid: &u32| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&marker)
        };
        pids().into_iter().filter(carries).filter(|pid| is_running(*pid)).collect()
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // The agent first, or it would start its processes again.
        if let Ok(record) = std::fs::read(self.folder.join("agent.pid")) {
            let record: serde_json::Value = serde_json::from_slice(&record).unwrap_or_default();
            if let Some(pid) = record["pid"].as_u64() {
                kill(u32::try_from(pid).unwrap());
            }
        }
        self.processes().into_iter().for_each(kill);
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.folder.join("agent.log")).unwrap_or_default();
            println!("--- log of the agent of {}\n{log}---", self.name);
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub(crate) fn new_folder(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("terrane-{}-{number}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder.canonicalize().unwrap()
}

/// Waits until something holds.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

pub(crate) fn kill(pid: u32) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let _ = kill_process(pid, Signal::KILL);
}

pub(crate) fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

fn pids() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

pub(crate) fn shell(script: &str) -> ProcessSpec {
    ProcessSpec { arguments: vec!["-c".to_owned(), script.to_owned()], stop_limit_ms: 2_000, ..ProcessSpec::new("sh") }
}

/// A server of the files in its folder, ready when it answers.
pub(crate) fn file_server(address: SocketAddr) -> ProcessSpec {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let arguments = ["-m", "http.server", "--bind", host.as_str(), port.as_str()].map(str::to_owned);
    ProcessSpec {
        arguments: arguments.into(),
        addresses: vec![address],
        readiness: Readiness::Http { url: format!("http://{address}/"), status: 200 },
        ..ProcessSpec::new("python3")
    }
}

pub(crate) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
