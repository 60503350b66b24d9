//! Keys and secrets as a person handles them: recipients, rotation, passphrases, and the configuration's own secrets.

use crate::session::Session;
use std::{
    fs,
    io::Write,
    process::{Command, Output, Stdio},
};
use terrane_core::failpoint::{Point, VARIABLE};

const CONFIG: &str = "[file.a]\nsecret = 'hunter2-file'\n";

fn with(session: &Session, words: &str, variables: &[(&str, &str)]) -> String {
    let mut program = session.program(words);
    program.envs(variables.iter().copied());
    session.shown(&program.output().unwrap())
}

fn piped(mut program: Command, input: &str) -> Output {
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that refuses doesn't read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn a_passphrase_is_needed_told_apart_from_a_wrong_one_and_changed() {
    let session = Session::with(CONFIG);
    let (first, second) = ([("TERRANE_PASSPHRASE", "first")], [("TERRANE_PASSPHRASE", "second")]);
    assert!(with(&session, "up --yes", &first).contains("done: 1 created"));
    insta::assert_snapshot!(with(&session, "preview", &[]), @r"
    error: this state's secrets are under a passphrase: set TERRANE_PASSPHRASE to it
    --- exit 1
    ");
    insta::assert_snapshot!(with(&session, "preview", &second), @r"
    error: the passphrase is wrong: this state's secrets were encrypted under another one
    --- exit 1
    ");
    let change = [("TERRANE_PASSPHRASE", "first"), ("TERRANE_NEW_PASSPHRASE", "second")];
    insta::assert_snapshot!(with(&session, "secrets change-passphrase", &change), @"The passphrase of stack `dev` is the new one from now on.");
    assert!(with(&session, "preview", &second).contains("no changes"));
    assert!(with(&session, "preview", &first).contains("passphrase is wrong"));
    assert!(!session.path("state/keys").exists(), "no key file is made beside a passphrase");
}

#[test]
fn recipients_come_and_go_and_a_rotated_key_opens_everything() {
    let session = Session::with(CONFIG);
    session.data("up --yes");
    let path = session.path("state/shop/dev/key.json");
    let former = fs::read_to_string(&path).unwrap();
    insta::assert_snapshot!(session.run("secrets rm-recipient keyfile"), @r"
    error: keyfile is the last way to this state's data key: add another one first
    --- exit 1
    ");
    insta::assert_snapshot!(session.run("secrets add-recipient age1nonsense"), @r"
    error: `age1nonsense` is not a recipient (its check sum doesn't fit): give age1…, awskms:<key ARN>, `passphrase` or `keyfile`
    --- exit 2
    ");
    let added = with(&session, "secrets add-recipient passphrase", &[("TERRANE_PASSPHRASE", "first")]);
    assert!(added.contains("can be read by passphrase, too"), "{added}");
    session.config(&format!("small = true\n{CONFIG}"));
    let set = piped(session.program("config set --secret word"), "hunter2-config\n");
    assert!(set.status.success(), "{}", session.shown(&set));
    let sealed = session.read("desk/terrane.dev.toml");
    with(&session, "secrets rotate", &[("TERRANE_PASSPHRASE", "first")]);
    assert_ne!(fs::read_to_string(&path).unwrap(), former);
    assert_ne!(session.read("desk/terrane.dev.toml"), sealed, "the configuration is encrypted anew");
    assert_eq!(session.data("config get word --show-secrets"), "hunter2-config\n");
    assert_eq!(session.data("secrets ls"), "keyfile\npassphrase\n");
    session.data("secrets rm-recipient passphrase");
    let shown = session.data("state show a --show-secrets");
    assert!(shown.contains("hunter2-file"), "{shown}");
}

#[test]
fn a_secret_of_the_configuration_is_never_an_argument_and_belongs_to_its_key() {
    let session = Session::with("");
    insta::assert_snapshot!(session.run("config set --secret word hunter2"), @r"
    error: a secret is never an argument: every process on this machine can read it, and the shell keeps it
      try: `config set --secret word` asks for it
      try: `config set --secret word < FILE` reads it from a file
    --- exit 2
    ");
    let set = piped(session.program("config set --secret db.word"), "hunter2-config");
    assert!(set.status.success(), "{}", session.shown(&set));
    let file = session.read("desk/terrane.dev.toml");
    assert!(file.contains("terrane-sealed:1:") && !file.contains("hunter2"), "{file}");
    assert_eq!(session.data("config get db.word"), "[secret]\n");
    assert_eq!(session.data("config get db.word --show-secrets"), "hunter2-config\n");
    session.write("desk/terrane.dev.toml", file.replace("word", "other"));
    let moved = session.run("config get db.other --show-secrets");
    assert!(moved.contains("belongs to another place"), "{moved}");
}

#[test]
fn a_stack_can_begin_with_who_may_read_its_secrets() {
    let session = Session::with(CONFIG);
    let made = with(&session, "stack init prod --secrets passphrase", &[("TERRANE_PASSPHRASE", "first")]);
    assert!(made.contains("Made stack `prod`"), "{made}");
    assert_eq!(with(&session, "secrets ls", &[]).lines().next(), Some("passphrase"));
    let up = with(&session, "up --yes", &[]);
    assert!(up.contains("set TERRANE_PASSPHRASE"), "{up}");
    assert!(with(&session, "up --yes", &[("TERRANE_PASSPHRASE", "first")]).contains("done: 1 created"));
}

/// Runs a command that is killed at a point, which it must come to.
fn kill_at(session: &Session, words: &str, point: Point, times: u32) {
    let mut program = session.program(words);
    program.env(VARIABLE, format!("{point:?}:{times}")).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(program.status().unwrap().code().is_none(), "{words} does not come to {point:?} so often as {times} times");
}

/// A stack with a secret in its file, which is in its state, too.
fn with_secrets() -> Session {
    let session = Session::with("[file.a]\n");
    let set = piped(session.program("config set --secret file.a.secret"), "hunter2-config");
    assert!(set.status.success(), "{}", session.shown(&set));
    session.data("up --yes");
    session
}

fn assert_opens(session: &Session, after: &str) {
    let shown = session.run("state show a --show-secrets");
    assert!(shown.contains("hunter2-config"), "{after}: {shown}");
    assert_eq!(session.run("config get file.a.secret --show-secrets"), "hunter2-config", "{after}");
}

fn assert_settled(session: &Session, after: &str) {
    assert_opens(session, after);
    let preview = session.run("preview");
    assert!(preview.contains("no changes. 1 resource"), "{after}: {preview}");
}

#[test]
fn a_rotation_that_is_killed_anywhere_leaves_all_secrets_readable() {
    let points = [
        (Point::LeaseTaken, 1),
        (Point::KeyWritten, 1),
        (Point::KeyWritten, 2),
        (Point::BeforeSnapshot, 1),
        (Point::AfterSnapshot, 1),
        (Point::BeforeConfigWrite, 1),
        (Point::AfterConfigWrite, 1),
    ];
    for (point, times) in points {
        let session = with_secrets();
        session.data("state export before.json");
        let former = session.read("desk/terrane.dev.toml");
        kill_at(&session, "secrets rotate", point, times);
        assert_settled(&session, &format!("{point:?} {times}"));
        session.data("secrets rotate");
        assert_settled(&session, &format!("{point:?} {times}, and a rotation"));
        let key: serde_json::Value = serde_json::from_str(&session.data("secrets ls --json")).unwrap();
        let file = session.read("desk/terrane.dev.toml");
        assert!(file.contains(&format!("terrane-sealed:1:{}:", key["key"].as_str().unwrap())), "{file}");
        // What was saved before opens, too.
        session.write("desk/terrane.dev.toml", former);
        session.data("state import before.json --yes");
        assert_settled(&session, &format!("{point:?} {times}, and what was before"));
    }
}

#[test]
fn a_rename_that_is_killed_anywhere_loses_no_secret_and_ends_with_the_next_command() {
    let points = [
        (Point::KeyWritten, 1),
        (Point::BeforeConfigWrite, 1),
        (Point::AfterConfigWrite, 1),
        (Point::LeaseTaken, 1),
        (Point::LeaseTaken, 2),
        (Point::AfterMoveCommit, 1),
        (Point::AfterMoveCommit, 2),
        (Point::AfterMoveCommit, 3),
        (Point::AfterMoveCommit, 4),
        (Point::AfterSnapshot, 1),
        (Point::AfterSnapshot, 2),
    ];
    for (point, times) in points {
        for next in ["", "refresh --yes", "up --yes"] {
            let session = with_secrets();
            kill_at(&session, "stack rename dev live --yes", point, times);
            if !next.is_empty() {
                session.run(next);
            }
            let after = format!("{point:?} {times}, then `{next}`");
            let renamed = session.run("stack rename dev live --yes");
            assert!(renamed.contains("Renamed stack `dev` to `live`"), "{after}: {renamed}");
            assert!(!session.path("desk/terrane.dev.toml").exists(), "{after}");
            assert_opens(&session, &after);
            session.data("stack rm dev --yes");
            assert_opens(&session, &format!("{after}, and the old name removed"));
            assert_eq!(session.data("stack ls").lines().count(), 2, "{after}: {}", session.run("stack ls"));
        }
    }
}

#[test]
fn a_renamed_stack_is_read_by_whom_it_was_read_before() {
    let session = Session::with(CONFIG);
    let first = [("TERRANE_PASSPHRASE", "first")];
    with(&session, "up --yes", &first);
    let renamed = with(&session, "stack rename dev live --yes", &first);
    assert!(renamed.contains("Renamed stack `dev`"), "{renamed}");
    assert_eq!(session.data("secrets ls"), "passphrase\n");
    session.write("desk/terrane.other.toml", "mine = 1");
    session.write("desk/terrane.live.toml", "mine = 2");
    let refused = with(&session, "stack rename live other --yes", &first);
    assert!(refused.contains("terrane.other.toml exists already, and says something else"), "{refused}");
}
