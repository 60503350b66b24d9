//! A person at a terminal: the real program in folders of its own, with its output as one would read it. All that it has started
//! is gone when the session is dropped.

mod processes;
mod redact;

pub(crate) use processes::{agents, is_running, kill, marked};

use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};
use terrane_local::client::Client;

/// How long anything may take before a test gives up.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// The folders and addresses of one test.
pub(crate) struct Session {
    root: PathBuf,
    network: String,
    /// What the program finds in its environment beside what it always does.
    environment: Vec<(&'static str, String)>,
}

impl Session {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Short, since it holds Unix sockets; another run's tests have another number.
        let root = PathBuf::from(format!("/tmp/shop-{}-{number}", std::process::id()));
        let folders = ["desk", "files", "home"].map(|name| root.join(name));
        folders.iter().for_each(|folder| fs::create_dir_all(folder).unwrap());
        // Two test runs at once must not meet on an address, so it depends on the process.
        let network = format!("127.{}.{}", 100 + number % 150, (std::process::id() + number / 150) % 250);
        Self { root, network, environment: Vec::new() }
    }

    /// A session whose program is configured.
    pub(crate) fn with(config: &str) -> Self {
        let session = Self::new();
        session.config(config);
        session
    }

    /// Sets an environment variable for the program.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.environment.push((name, value.into()));
    }

    /// Writes `terrane.toml`. The program needs `folder`, which every configuration therefore begins with; `NET` stands for the
    /// first three numbers of the session's addresses.
    pub(crate) fn config(&self, text: &str) {
        let folder = self.root.join("files");
        let text = format!("folder = '{}'\n{text}", folder.display()).replace("NET", &self.network);
        self.write("desk/terrane.toml", text);
    }

    /// A path below the session's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.path(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    /// An address of the session's own network.
    pub(crate) fn address(&self, host: u8, port: u16) -> SocketAddr {
        format!("{}.{host}:{port}", self.network).parse().unwrap()
    }

    /// The program with some words, in the folder with the configuration, knowing of nothing outside of the session.
    pub(crate) fn program(&self, words: &str) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_terrane-test-program"));
        program.args(words.split_whitespace()).current_dir(self.path("desk")).stdin(Stdio::null());
        program.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default()).env("USER", "ada");
        program.env("HOME", self.path("home")).env("TERRANE_STATE", self.path("state"));
        // One step after the other, so that what is printed has one order.
        program.env("TERRANE_LOCAL", self.path("l")).env("TERRANE_PARALLEL", "1").env("TZ", "UTC");
        program.envs(self.environment.iter().map(|(name, value)| (name, value)));
        program
    }

    /// Types a command, and shows what a person sees: stdout, stderr, and the status when it isn't 0.
    pub(crate) fn run(&self, words: &str) -> String {
        self.shown(&self.output(words))
    }

    pub(crate) fn output(&self, words: &str) -> Output {
        self.program(words).output().unwrap()
    }

    /// Types a command that has to succeed, and gives what it prints as data.
    pub(crate) fn data(&self, words: &str) -> String {
        let output = self.output(words);
        assert!(output.status.success(), "{words}:\n{}", self.shown(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a person saw of a finished command.
    pub(crate) fn shown(&self, output: &Output) -> String {
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let separator = if out.is_empty() || err.is_empty() { "" } else { "--- stderr\n" };
        let status = match output.status.code() {
            Some(0) => String::new(),
            Some(code) => format!("--- exit {code}\n"),
            None => format!("--- {}\n", output.status),
        };
        self.redacted(&format!("{out}{separator}{err}{status}"))
    }

    /// A text without what differs from run to run.
    pub(crate) fn redacted(&self, text: &str) -> String {
        redact::redact(text, &self.root, &self.network)
    }

    /// Starts a command and leaves it running.
    pub(crate) fn start(&self, words: &str) -> Child {
        self.program(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Ends all that the session has started.
    pub(crate) fn end_processes(&self) {
        processes::end_all(&self.root);
    }

    /// The folder of a region of the stack `dev`.
    pub(crate) fn region(&self, name: &str) -> PathBuf {
        self.path("l/shop/dev").join(name)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end_processes();
        // A folder that can't be removed is no reason to fail a test that has passed.
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// Talks to the agent of a region of the stack `dev`.
pub(crate) fn agent<T>(session: &Session, region: &str, talk: impl AsyncFnOnce(&mut Client) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { talk(&mut Client::connect(session.region(region)).await.unwrap()).await })
}

/// Waits until something holds.
pub(crate) fn eventually(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The files below a folder, by their path in it.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files(&entry.path())),
            _ => found.push(entry.path()),
        }
    }
    found.sort();
    found
}
