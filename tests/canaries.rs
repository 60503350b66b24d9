//! Two hundred secrets go through everything that a person can type, on a provider that repeats all it hears; then every output, every
//! file and every process's arguments are searched for them.

mod search;
mod words;

use crate::{
    s3::shop::{Server, Shop},
    session::{Session, files},
};
use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    process::{Command, Output, Stdio},
};
use words::canary;

/// A session of the program with the secrets, and all that it has said.
struct Cage {
    session: Session,
    /// Where else its secrets may have come: the session whose region serves the bucket that keeps the state, if one does.
    elsewhere: Option<Session>,
    forms: BTreeSet<Vec<u8>>,
    /// What was typed and where a canary was seen.
    escaped: Vec<String>,
}

impl Cage {
    fn new() -> Self {
        Self::of(Session::new(), None)
    }

    fn of(session: Session, elsewhere: Option<Session>) -> Self {
        fs::create_dir(session.path("tmp")).unwrap();
        let mut cage = Self { session, elsewhere, forms: search::forms(), escaped: Vec::new() };
        for stack in ["net", "dev"] {
            let set = cage.type_in(&format!("config set --secret password --stack {stack}"), &canary(990));
            assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
        }
        cage.mood("well");
        cage
    }

    /// Writes what is not secret of the configuration.
    fn mood(&self, text: &str) {
        let text = if text.contains('=') { text.to_owned() } else { format!("mood = '{text}'") };
        self.session.write("desk/terrane.toml", text);
    }

    fn command(&self, words: &str) -> Command {
        let like = self.session.program(words);
        let mut command = Command::new(env!("CARGO_BIN_EXE_terrane-canary-program"));
        command
            .args(like.get_args())
            .env_clear()
            .envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
            .current_dir(self.session.path("desk"))
            .env("TMPDIR", self.session.path("tmp"))
            .env("TERRANE_PARALLEL", "8")
            .env("RUST_BACKTRACE", "1");
        command
    }

    fn type_in(&mut self, words: &str, input: &str) -> Output {
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that doesn't read may have gone.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        for bytes in [&output.stdout, &output.stderr] {
            self.escaped.extend(search::found(&self.forms, bytes).into_iter().map(|seen| format!("`{words}`: {seen}")));
        }
        output
    }

    /// Types a command, and expects its exit status.
    fn run(&mut self, words: &str, status: i32) -> String {
        let output = self.type_in(words, "");
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(status), "{words}:\n{text}");
        text
    }

    /// Every file of the session, and the arguments of every process on the machine.
    fn search(&mut self) {
        let sessions = [Some(&self.session), self.elsewhere.as_ref()];
        for path in sessions.into_iter().flatten().flat_map(|session| files(&session.path(""))) {
            let seen = search::found_in_file(&self.forms, &path);
            let mode = fs::metadata(&path).map_or(0, |metadata| metadata.permissions().mode() & 0o077);
            // What a region's agent must give to its processes is in files for this user only.
            if !seen.is_empty() && (mode != 0 || !path.starts_with(self.session.path("l"))) {
                self.escaped.push(format!("{}: {}", path.display(), seen[0]));
            }
        }
        for process in fs::read_dir("/proc").unwrap().flatten() {
            let arguments = search::found_in_file(&self.forms, &process.path().join("cmdline"));
            self.escaped.extend(arguments.into_iter().map(|seen| format!("the arguments of a process: {seen}")));
        }
    }

    fn conclude(mut self) {
        self.search();
        let shown: Vec<&String> = self.escaped.iter().take(10).collect();
        assert!(self.escaped.is_empty(), "{} canaries escaped, such as {shown:#?}", self.escaped.len());
    }
}

#[test]
fn no_canary_escapes_from_runs_that_go_well() {
    let mut cage = Cage::new();
    cage.run("up --yes --stack net", 0);
    cage.run("preview --diff", 0);
    cage.run("preview --diff --json", 0);
    cage.run("preview --verbose --save plan.json --summary summary.md", 0);
    let done = cage.run("up --yes --verbose --json", 0);
    assert!(done.contains("[secret]"), "{done}");
    cage.mood("mood = 'well'\nround = 1");
    cage.run("preview --diff --refresh", 0);
    cage.run("up --yes --verbose --summary again.md", 0);
    for words in [
        "stack output",
        "stack output token",
        "stack output --json",
        "stack export",
        "stack history",
        "stack graph",
        "state ls",
        "state show bird-1",
        "state show bird-1 --json",
        "config ls",
        "config get password",
        "config ls --json",
        "secrets ls",
        "refresh --yes",
        "refresh --yes --json",
        "secrets rotate",
        "up --yes --json",
        "destroy --yes --verbose",
    ] {
        cage.run(words, 0);
    }
    cage.conclude();
}

/// What carries a state, looks at its past, or judges it.
const CARRYING: [&str; 8] = [
    "state export saved.json",
    "state export --json",
    "state import saved.json --yes",
    "state doctor",
    "state doctor --json",
    "stack history",
    "stack history --json",
    "secrets rotate",
];

#[test]
fn no_canary_escapes_from_states_that_are_carried() {
    let mut cage = Cage::new();
    cage.run("up --yes --stack net", 0);
    cage.run("up --yes", 0);
    CARRYING.iter().for_each(|words| drop(cage.run(words, 0)));
    let (copy, here) = (cage.session.path("state"), cage.session.path("other"));
    cage.run(&format!("state recover --from file://{} --state {} --yes", copy.display(), here.display()), 0);
    cage.run("stack rename dev live --yes", 0);
    cage.run("state export live.json --stack live", 0);
    let log = cage.session.path("state/canaries/live/log");
    let mut bytes = fs::read(&log).unwrap();
    bytes[60] ^= 1;
    fs::write(&log, bytes).unwrap();
    cage.run("state doctor --stack live", 1);
    cage.run("up --yes --stack live", 1);
    cage.run("state repair --set-aside --yes --stack live", 0);
    cage.run("state import live.json --yes --stack live", 0);
    cage.conclude();
}

#[test]
fn no_canary_escapes_into_a_bucket() {
    let (session, (_proxy, region)) = Shop::on(Server::Region).parts();
    let mut cage = Cage::of(session, region);
    cage.run("up --yes --stack net", 0);
    cage.run("up --yes", 0);
    cage.mood("mood = 'well'\nround = 1");
    cage.run("up --yes --json", 0);
    CARRYING.iter().for_each(|words| drop(cage.run(words, 0)));
    cage.run("stack rename dev live --yes", 0);
    cage.run("destroy --yes --stack live --json", 0);
    let served = files(&cage.elsewhere.as_ref().unwrap().path("l"));
    let holds = |text: &str| {
        served.iter().any(|path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).contains(text))
    };
    assert!(
        holds("canaries:Bird") || holds("bird-1"),
        "the objects of the bucket are among the files that are searched"
    );
    assert!(holds("terrane-sealed:1:"), "and they have secrets");
    cage.conclude();
}

#[test]
fn no_canary_escapes_from_failures() {
    let mut cage = Cage::new();
    cage.run("up --yes --stack net", 0);
    cage.run("import bird-1 id-1 --yes", 1);
    cage.mood("wrong");
    cage.run("preview", 5);
    cage.run("preview --json --summary summary.md", 5);
    for ends in ["failing", "panicking"] {
        cage.mood(&format!("mood = 'well'\nends = '{ends}'"));
        let told = cage.run("up --yes", 1);
        assert_eq!(told.contains("::main"), ends == "panicking", "a backtrace was asked for: {told}");
        cage.run("up --yes --json", 1);
    }
    cage.mood("failing");
    let failed = cage.run("up --yes --verbose --continue-on-error", 1);
    assert!(failed.contains("401 for [secret]"), "{failed}");
    cage.mood("well");
    cage.run("up --yes", 0);
    cage.mood("mood = 'failing'\nround = 1");
    cage.run("up --yes --json --verbose --continue-on-error", 1);
    cage.run("stack history", 0);
    cage.run("stack export --json", 0);
    cage.mood("sulking");
    cage.run("up --yes", 0);
    cage.run("refresh --yes", 1);
    cage.run("preview --refresh --json", 1);
    cage.run("destroy --yes --json --verbose --continue-on-error", 1);
    cage.conclude();
}

#[test]
fn no_canary_is_in_the_arguments_of_what_a_run_starts() {
    let mut cage = Cage::new();
    cage.run("up --yes --stack net", 0);
    cage.mood("mood = 'well'\nprocesses = true");
    cage.run("up --yes", 0);
    cage.run("local status", 0);
    cage.search();
    cage.run("destroy --yes", 0);
    cage.conclude();
}

#[test]
fn an_escaped_canary_is_seen() {
    let mut cage = Cage::new();
    cage.run("up --yes --stack net", 0);
    cage.type_in("stack output --show-secrets --stack net", "");
    assert!(!cage.escaped.is_empty(), "the search finds what is asked for by name");
    cage.escaped.clear();
    cage.session.write("tmp/dump", canary(3));
    cage.search();
    assert_eq!(cage.escaped.len(), 1, "{:?}", cage.escaped);
}
