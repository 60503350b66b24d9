//! A person at a real terminal: what is asked, what is not shown, and what is typed.

use crate::session::Session;
use std::process::Command;

const CONFIG: &str = "[file.till]\nsecret = 'hunter2'\n";
const QUESTION: &str = "Passphrase of the stack's secrets:";

/// Types a command at a terminal, and the answers to what is asked there; what the screen shows.
fn at_terminal(session: &Session, words: &str, answers: &[(&str, &str)]) -> String {
    let program = session.program(words);
    let mut terminal = Command::new("python3");
    terminal.args(["-c", include_str!("terminal.py"), &serde_json::to_string(answers).unwrap()]);
    terminal.arg(program.get_program()).args(program.get_args()).current_dir(program.get_current_dir().unwrap());
    terminal.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    terminal.env("TERM", "dumb").env("NO_COLOR", "1");
    session.shown(&terminal.output().unwrap())
}

/// A stack whose secrets are under a passphrase that the environment doesn't give.
fn locked() -> Session {
    let session = Session::with(CONFIG);
    let mut up = session.program("up --yes");
    assert!(up.env("TERRANE_PASSPHRASE", "correct horse").output().unwrap().status.success());
    session
}

#[test]
fn a_passphrase_is_asked_for_at_a_terminal_and_nowhere_else() {
    let session = locked();
    for words in ["preview", "up --yes", "state show till --show-secrets"] {
        let shown = at_terminal(&session, words, &[(QUESTION, "correct horse\n")]);
        assert!(shown.contains("no changes. 1 resource") || shown.contains("hunter2"), "{words}: {shown}");
        assert!(!shown.contains("correct horse"), "{words}: {shown}");
        assert_eq!(shown.matches(QUESTION).count(), 1, "{words}: {shown}");
    }
    for words in ["preview", "up --yes", "state show till --show-secrets"] {
        let told = session.run(words);
        assert!(told.contains("set TERRANE_PASSPHRASE") && !told.contains(QUESTION), "{words}: {told}");
        let told = at_terminal(&session, &format!("{words} --non-interactive"), &[]);
        assert!(told.contains("set TERRANE_PASSPHRASE") && !told.contains(QUESTION), "{words}: {told}");
    }
}

#[test]
fn a_mistyped_passphrase_may_be_typed_again_and_ctrl_c_ends_the_asking() {
    let session = locked();
    let again = ("That is not it; once more:", "correct horse\n");
    let shown = at_terminal(&session, "preview", &[(QUESTION, "battery\n"), again]);
    assert!(shown.contains("no changes. 1 resource"), "{shown}");
    let wrong = ("That is not it; once more:", "staple\n");
    let shown = at_terminal(&session, "preview", &[(QUESTION, "battery\n"), wrong, wrong]);
    assert!(shown.contains("error: the passphrase is wrong"), "{shown}");
    let shown = at_terminal(&session, "preview", &[(QUESTION, "\u{3}")]);
    assert!(shown.ends_with("--- exit 130"), "{shown}");
    let shown = at_terminal(&session, "preview", &[(QUESTION, "\n")]);
    assert!(shown.contains("under a passphrase, and none was given"), "{shown}");
}

#[test]
fn a_passphrase_is_changed_by_typing_both() {
    let session = locked();
    let answers = [(QUESTION, "correct horse\n"), ("New passphrase:", "staple\n"), ("Once more:", "staple\n")];
    let shown = at_terminal(&session, "secrets change-passphrase", &answers);
    assert!(shown.contains("is the new one from now on"), "{shown}");
    let shown = at_terminal(&session, "secrets rotate", &[(QUESTION, "staple\n")]);
    assert!(shown.contains("are under key"), "{shown}");
    let shown = at_terminal(&session, "up", &[(QUESTION, "staple\n")]);
    assert!(shown.contains("no changes. 1 resource"), "{shown}");
}

#[test]
fn a_no_changes_nothing() {
    let session = Session::with("[file.page]\n");
    let shown = at_terminal(&session, "up", &[("Apply?", "n\n")]);
    assert!(shown.contains("error: not agreed to; nothing was changed") && shown.ends_with("--- exit 1"), "{shown}");
    assert!(!session.path("files/page").exists());
    let shown = at_terminal(&session, "up", &[("Apply?", "y\n")]);
    assert!(shown.contains("done: 1 created"), "{shown}");
}

#[test]
fn a_secret_is_never_shown_and_never_cut() {
    let session = Session::with("");
    let question = "Value of `word`:";
    let set = |words: &str, typed: &str| at_terminal(&session, words, &[(question, typed)]);
    let refused = set("config set --secret word --non-interactive", "");
    assert!(refused.contains("what is typed here would be shown") && refused.ends_with("--- exit 2"), "{refused}");
    for typed in ["-----BEGIN\nhunter2\n", "-----BEGIN\nhunter2"] {
        let refused = set("config set --secret word", typed);
        assert!(refused.contains("more than one line") && !refused.contains("hunter2"), "{refused}");
        assert!(!session.path("desk/terrane.dev.toml").exists());
    }
    assert!(set("config set --secret word", "hunter2\n").contains("Set `word` in"));
    assert_eq!(session.data("config get word --show-secrets"), "hunter2\n");
}
