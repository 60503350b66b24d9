//! A stack of its own for a test: folders, state, subnets, and the program that is run on them.

use super::processes;
use crate::shape::Shape;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio, id},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Instant,
};

/// Held by the test that has a cluster.
static CLUSTER: Mutex<()> = Mutex::new(());

/// A stack. Whatever it has started is gone when it is dropped.
pub(crate) struct Rehearsal {
    program: PathBuf,
    folder: PathBuf,
    began: Instant,
    _alone: MutexGuard<'static, ()>,
}

/// What a call of the program said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Rehearsal {
    /// A stack of the rehearsal's own program.
    pub(crate) fn new() -> Self {
        Self::of(env!("CARGO_BIN_EXE_restate-rehearsal").into())
    }

    /// A stack of another program. Its folder's path is short: it holds Unix sockets.
    pub(crate) fn of(program: PathBuf) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let alone = CLUSTER.lock().unwrap_or_else(PoisonError::into_inner);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new("/tmp").join(format!("t{}-{number}", id()));
        fs::create_dir_all(folder.join("project")).unwrap();
        let folder = folder.canonicalize().unwrap();
        Self { program, folder, began: Instant::now(), _alone: alone }
    }

    /// Writes the program's configuration.
    pub(crate) fn configure(&self, text: &str) {
        fs::write(self.folder.join("project/terrane.toml"), text).unwrap();
    }

    /// Makes the shape the program's configuration.
    pub(crate) fn shape(&self, shape: &Shape) {
        self.configure(&toml::to_string(shape).unwrap());
    }

    /// Tells how far a story is; shown when the test fails.
    pub(crate) fn tell(&self, text: &str) {
        println!("{:6.1} s  {text}", self.began.elapsed().as_secs_f32());
    }

    /// Runs the program.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let status = output.status.code().unwrap_or(-1);
        let ran = Ran { status, stdout: text(output.stdout), stderr: text(output.stderr) };
        self.tell(&format!("{} -> {}", arguments.join(" "), ran.status));
        ran
    }

    /// Makes the cluster what the shape says.
    pub(crate) fn up(&self) -> Ran {
        let ran = self.run(&["up", "--yes", "--json"]);
        assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
        ran
    }

    /// Insists that there is nothing to do, and that saying so wrote nothing.
    pub(crate) fn is_settled(&self) {
        let before = self.state();
        let ran = self.run(&["up", "--yes", "--expect-no-changes"]);
        assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
        assert!(before == self.state(), "a run without changes has written state");
    }

    /// Destroys the stack and insists that nothing is left: no process, socket, address or file.
    pub(crate) fn destroy(&self) {
        let ran = self.run(&["destroy", "--yes"]);
        assert_eq!(ran.status, 0, "{}\n{}", ran.stdout, ran.stderr);
        assert_eq!(processes::below(&self.local()), Vec::<u32>::new());
        let left: Vec<_> = fs::read_dir(self.local()).unwrap().flatten().map(|entry| entry.path()).collect();
        assert_eq!(left, Vec::<PathBuf>::new());
    }

    /// The folder of the local platform.
    pub(crate) fn local(&self) -> PathBuf {
        self.folder.join("l")
    }

    /// A region's folder.
    pub(crate) fn region(&self, name: &str) -> PathBuf {
        let stacks = fs::read_dir(self.local()).unwrap().flatten().map(|project| project.path().join("dev").join(name));
        stacks.into_iter().find(|folder| folder.exists()).unwrap_or_else(|| panic!("there is no region {name}"))
    }

    /// A resource's outputs, as state has them.
    pub(crate) fn outputs(&self, kind: &str, name: &str) -> Value {
        let ran = self.run(&["stack", "export"]);
        let state: Value = serde_json::from_str(&ran.stdout).unwrap();
        find(&state, kind, name).unwrap_or_else(|| panic!("state has no {kind} {name}"))
    }

    /// The bytes of its state.
    fn state(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        files(&self.folder.join("state"))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(self.folder.join("project")).stdin(Stdio::null());
        command
            .env("TERRANE_LOCAL", self.local())
            .env("TERRANE_STATE", format!("file://{}", self.folder.join("state").display()));
        command.env("TERRANE_STACK", "dev").env("NO_COLOR", "1").env_remove("CARGO_MANIFEST_DIR");
        command
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.command(&["destroy", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        }
        // The agents first, or they would start their servers again.
        for pids in [processes::agents(&self.local()), processes::servers(&self.local())] {
            processes::kill(&pids);
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Ran {
    /// Whether the gate was waited for after the step of each resource and before that of the next.
    pub(crate) fn waits_between(&self, urns: &[String]) -> Vec<bool> {
        let position = |event: &str, urn: &str| {
            let is_it = |line: &str| line.contains(&format!("\"{event}\"")) && line.contains(&format!("\"{urn}\""));
            self.stdout.lines().position(is_it).unwrap()
        };
        let lines: Vec<&str> = self.stdout.lines().collect();
        let waits = |pair: &[String]| {
            let (from, to) = (position("step_done", &pair[0]), position("step_started", &pair[1]));
            lines[from..to].iter().any(|line| line.contains("\"gate_waiting\""))
        };
        urns.windows(2).map(waits).collect()
    }

    /// What began and ended of a kind, in order: the event's name and the resource.
    pub(crate) fn steps(&self, kind: &str) -> Vec<(String, String)> {
        let lines = self.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let step = |line: Value| Some((line["event"].as_str()?.to_owned(), line["urn"].as_str()?.to_owned()));
        let is_step = |(event, urn): &(String, String)| {
            ["step_started", "step_done", "step_failed"].contains(&event.as_str()) && urn.contains(&format!("/{kind}/"))
        };
        lines.filter_map(step).filter(is_step).collect()
    }
}

/// Two subnets in a row that nobody uses: `127.n.0.0/24` and the next.
pub(crate) fn free_subnets() -> u8 {
    let is_free = |number: u8| TcpListener::bind((format!("127.{number}.0.1"), 5122)).is_ok();
    let start = 60 + u8::try_from(id() % 60).unwrap() * 2;
    let pairs = (start..=250).step_by(2).find(|first| is_free(*first) && is_free(first + 1));
    pairs.expect("two free subnets between 127.60.0.0 and 127.251.0.0")
}

/// All files below a folder, with their content.
pub(crate) fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            _ => drop(found.insert(entry.path(), fs::read(entry.path()).unwrap_or_default())),
        }
    }
    found
}

fn find(state: &Value, kind: &str, name: &str) -> Option<Value> {
    let wanted = format!("/{kind}/{name}");
    let resources = state["live"].as_object()?;
    resources.iter().find(|(urn, _)| urn.ends_with(&wanted)).map(|(_, resource)| resource["outputs"]["values"].clone())
}
