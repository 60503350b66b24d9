//! `local:Region`.

use crate::session::{Session, agent, agents, eventually, is_running, kill, marked};
use std::net::TcpStream;

const EAST: &str = "[region.east]\nendpoint = 'NET.1:9000'\n[process.till]\nregion = 'east'\nprogram = 'sleep'\narguments = ['1000']\n";

#[test]
fn its_endpoint_moves() {
    let session = Session::with(EAST);
    session.data("up --yes");
    let (old, new) = (session.address(1, 9000), session.address(2, 9000));
    TcpStream::connect(old).unwrap();
    session.config(&EAST.replace("NET.1", "NET.2"));
    let shown = session.data("up --yes");
    assert!(shown.contains("~ east"), "{shown}");
    TcpStream::connect(new).unwrap();
    TcpStream::connect(old).unwrap_err();
    session.config(&EAST.replace("endpoint", "#"));
    session.data("up --yes");
    TcpStream::connect(new).unwrap_err();
}

#[test]
fn an_agent_that_was_killed_is_started_again_and_finds_its_processes() {
    let session = Session::with(EAST);
    session.data("up --yes");
    let status = || agent(&session, "east", async |client| client.status().await.unwrap());
    let (old, till) = (status().pid, status().processes["till"].pid);
    kill(old);
    eventually("the agent is gone", || !is_running(old));
    let shown = session.data("preview");
    assert!(shown.contains("running: false -> true"), "{shown}");
    session.data("up --yes");
    assert_eq!(status().processes["till"].pid, till, "it was adopted, not started again");
    assert_eq!(marked(&session.path("l")), ["till"]);
}

#[test]
fn it_takes_all_that_is_its_own_along() {
    let session = Session::with(EAST);
    session.data("up --yes");
    session.data("destroy --yes");
    assert!(marked(&session.path("l")).is_empty());
    assert!(!session.path("l/shop").exists());
}

#[test]
fn what_was_in_it_is_made_again_when_its_folder_is_gone() {
    let session = Session::with(&format!("{EAST}[bucket.ledger]\nregion = 'east'\n"));
    session.data("up --yes");
    agents(&session.path("l")).into_iter().for_each(kill);
    eventually("the agent is gone", || agents(&session.path("l")).is_empty());
    session.end_processes();
    std::fs::remove_dir_all(session.region("east")).unwrap();
    session.data("up --yes");
    assert!(session.data("up --yes").contains("no changes"));
    let status = agent(&session, "east", async |client| client.status().await.unwrap());
    assert!(status.processes.contains_key("till") && status.buckets.contains_key("ledger"), "{status:?}");
}
