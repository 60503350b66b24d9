//! State and stack commands with the state in a bucket.

use super::shop::{Server, Shop};
use crate::session::eventually;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{fs, process::Stdio};
use terrane_core::failpoint::{HASTE, VARIABLE};

const PAGES: &str = "[file.page]\ncontent = 'one'\n[file.till]\nsecret = 'hunter2'\nreads = 'page'\n";

#[test]
fn an_unlocked_holder_can_never_write_again() {
    let mut shop = Shop::on(Server::Moto);
    // Unlocking takes as long as the holder may still believe that it has the stack.
    shop.session.set(HASTE, "10");
    shop.session.config(PAGES);
    let mut program = shop.session.program("up --yes");
    program.env(VARIABLE, "AfterIntentCommit:1:stop").stdout(Stdio::null()).stderr(Stdio::piped());
    let sleeper = program.spawn().unwrap();
    let pid = Pid::from_raw(i32::try_from(sleeper.id()).unwrap()).unwrap();
    let stat = || fs::read_to_string(format!("/proc/{}/stat", sleeper.id())).unwrap_or_default();
    eventually("it sleeps", || stat().rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" T")));

    let refused = shop.session.run("up --yes");
    assert!(refused.ends_with("--- exit 4") && refused.contains("`state unlock`"), "{refused}");
    let asked = shop.session.run("state unlock");
    assert!(asked.contains("End the hold of ada on [host] (`up`") && asked.ends_with("--- exit 2"), "{asked}");
    let unlocked = shop.session.run("state unlock --yes");
    assert!(unlocked.contains("Ended the hold of ada on [host]"), "{unlocked}");
    shop.session.data("up --yes");
    kill_process(pid, Signal::CONT).unwrap();
    let output = sleeper.wait_with_output().unwrap();
    let shown = shop.session.shown(&output);
    assert_eq!(output.status.code(), Some(4), "{shown}");
    assert!(shown.contains("this run has lost its hold on the stack"), "{shown}");
    assert!(shop.session.data("preview").contains("no changes. 2 resources"));
    shop.audit();
}

#[test]
fn a_state_is_carried_moved_renamed_and_put_back() {
    let shop = Shop::on(Server::Region);
    let session = &shop.session;
    session.config(PAGES);
    session.data("up --yes");
    session.data("state export saved.json");
    session.config("[file.page]\ncontent = 'two'\n");
    session.data("up --yes");
    let history = session.data("stack history --json");
    let points =
        history.lines().filter_map(|line| serde_json::from_str::<Value>(line).unwrap()["restore_point"].as_u64());
    let opening = points.min().expect("each run leaves a restore point");
    session.data(&format!("up --yes --rollback-to {opening}"));
    assert_eq!(session.read("files/page"), "one");
    assert!(session.read("files/till").ends_with("hunter2"));

    session.data("stack init prod");
    session.data("state mv till till --to-stack prod --stack dev");
    session.data("stack rename prod live --yes");
    assert!(session.data("state show till --show-secrets").contains("hunter2"), "{}", session.run("stack ls"));
    session.data("stack select dev");
    session.data("state import saved.json --yes");
    assert_eq!(session.data("state ls").lines().count(), 3);
    assert_eq!(session.output("state doctor").status.code(), Some(0), "{}", session.run("state doctor"));

    let place = session
        .program("")
        .get_envs()
        .find_map(|(name, value)| (name == "TERRANE_STATE").then(|| value.unwrap().to_owned()))
        .unwrap();
    let mut recover = session.program("state recover --yes --stack dev --from");
    let output = recover.arg(&place).env("TERRANE_STATE", session.path("elsewhere")).output().unwrap();
    let shown = session.shown(&output);
    assert!(output.status.success() && shown.contains("Stack `dev` has 2 resources in state now."), "{shown}");
    shop.audit();
}

#[test]
fn a_plan_warns_of_a_state_that_would_be_lost_with_the_resources() {
    let shop = Shop::on(Server::Moto);
    let warning = "warning: state: its bucket is in us-east-1, and so are resources of this stack";
    for (region, warns) in [("us-east-1", true), ("eu-central-1", false)] {
        shop.session.config(&format!("[region.{region}]\n"));
        let told = shop.session.data("preview").split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(told.contains(warning), warns, "{told}");
        assert_eq!(shop.session.data("preview --json").contains("its bucket is in us-east-1"), warns);
    }
}
