//! `local:Bucket` and `local:Replication`.

use crate::session::{Session, agent, eventually};
use std::process::Command;

const LEDGERS: &str = "
[region.east]
endpoint = 'NET.1:9000'
[region.west]
endpoint = 'NET.2:9000'
[bucket.ledger]
region = 'east'
copies = ['mirror']
[bucket.mirror]
region = 'west'
";

/// Puts an object, signed as S3 wants it.
fn put(session: &Session, host: u8, path: &str, body: &str) {
    let script = include_str!("put_object.py");
    let address = session.address(host, 9000).to_string();
    let python = Command::new("python3").args(["-c", script, &address, path, body]).output().unwrap();
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
}

fn objects(session: &Session, region: &str, bucket: &str) -> u64 {
    agent(session, region, async |client| client.status().await.unwrap().buckets[bucket].objects)
}

#[test]
fn objects_are_copied_by_its_rules_until_they_go() {
    let session = Session::with(LEDGERS);
    session.data("up --yes");
    put(&session, 1, "/ledger/one", "1");
    eventually("the object is copied", || objects(&session, "west", "mirror") == 1);
    assert!(session.data("up --yes").contains("no changes"));

    session.config(&LEDGERS.replace("copies = ['mirror']", ""));
    let shown = session.data("up --yes");
    assert!(shown.contains("- ledger-copies"), "{shown}");
    put(&session, 1, "/ledger/two", "2");
    let copying =
        agent(&session, "east", async |client| client.status().await.unwrap().buckets["ledger"].replication.len());
    assert_eq!((copying, objects(&session, "east", "ledger"), objects(&session, "west", "mirror")), (0, 2, 1));
}

#[test]
fn it_is_not_deleted_with_objects_in_it_unless_the_program_says_so() {
    let one = "[region.east]\nendpoint = 'NET.1:9000'\n[bucket.ledger]\nregion = 'east'\n";
    let session = Session::with(one);
    session.data("up --yes");
    put(&session, 1, "/ledger/one", "1");
    insta::assert_snapshot!(session.run("destroy --yes"), @r"
    shop / dev · state in [root]/state · 2 resources in state

      - ledger   local:Bucket
      - east     local:Region

      2 to delete (ledger, east). Longest chain: 2 steps.

    --- stderr
    [time]  destroy   shop / dev: 2 steps
    [time]  delete    ledger (local:Bucket)
    [time]  failed    to delete ledger (local:Bucket): bucket `ledger` still has objects in it (1)
    [time]  skipped   east: it waits for ledger
    [time]  ended     failed after [t]

    error: could not delete local:Bucket `ledger` (tests/program/main.rs:[line])
      bucket `ledger` still has objects in it (1)
      try: empty it, or say `.delete_objects(true)` in the program and run `up` first

    stopped here: nothing changed, 1 failed, 1 never started after [t]. `destroy` goes on from here.
    --- exit 1
    ");
    assert_eq!(objects(&session, "east", "ledger"), 1);

    session.config(&format!("{one}delete_objects = true\n"));
    session.data("up --yes");
    session.data("destroy --yes");
    assert!(!session.path("l/shop").exists());
}
