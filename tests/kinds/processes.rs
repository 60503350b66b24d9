//! `local:Process`.

use crate::session::{Session, agent, eventually, is_running, kill, marked};
use terrane_local::spec::Data;

const TILL: &str = "[region.east]\n[process.till]\nregion = 'east'\nprogram = 'sleep'\narguments = ['1000']\n";

fn pid(session: &Session) -> u32 {
    agent(session, "east", async |client| client.status().await.unwrap().processes["till"].pid.unwrap())
}

#[test]
fn other_arguments_start_it_again() {
    let session = Session::with(TILL);
    session.data("up --yes");
    let old = pid(&session);
    let shown = session.data("up --yes");
    assert!(shown.contains("no changes") && pid(&session) == old, "{shown}");
    session.config(&TILL.replace("1000", "2000"));
    let shown = session.data("up --yes");
    assert!(shown.contains("arguments[0]: 1000 -> 2000"), "{shown}");
    assert!(pid(&session) != old && !is_running(old));
}

#[test]
fn one_that_was_removed_behind_its_back_is_put_back() {
    let session = Session::with(TILL);
    session.data("up --yes");
    agent(&session, "east", async |client| client.remove_process("till", Data::Kept).await.unwrap());
    let shown = session.run("up --yes");
    assert!(shown.contains("present: false -> true"), "{shown}");
    assert_eq!(marked(&session.path("l")), ["till"]);
}

#[test]
fn one_that_dies_is_started_again_by_its_region() {
    let session = Session::with(TILL);
    session.data("up --yes");
    let old = pid(&session);
    kill(old);
    eventually("it runs again", || !is_running(old) && marked(&session.path("l")) == ["till"]);
    assert!(session.data("up --yes").contains("no changes"));
}

#[test]
fn what_it_is_told_in_secret_is_not_shown() {
    let session = Session::with(&format!("{TILL}secret = 'hunter2'\n"));
    for words in ["preview --diff", "up --yes", "state show till", "local status", "stack export", "up --yes --json"] {
        let shown = session.run(words);
        assert!(!shown.contains("hunter2"), "{words}: {shown}");
    }
}

#[test]
fn it_inherits_nothing_that_is_meant_for_the_program() {
    let session = Session::new();
    let seen = session.path("environment");
    session.config(&format!(
        "[region.east]\n[process.till]\nregion = 'east'\nprogram = 'sh'\narguments = ['-c', 'env > {0}.new; mv {0}.new {0}; exec sleep 1000']\n",
        seen.display()
    ));
    let output = session.program("up --yes").env("TERRANE_PASSPHRASE", "open sesame").output().unwrap();
    assert!(output.status.success(), "{}", session.shown(&output));
    eventually("it has looked around", || seen.exists());
    let environment = session.read("environment");
    let own: Vec<&str> = environment.lines().filter(|line| line.starts_with("TERRANE_")).collect();
    assert!(own.len() == 1 && own[0].starts_with("TERRANE_PROCESS="), "{own:?}");
    assert!(environment.contains("PATH="), "{environment}");
}
