//! The local platform's own commands, on regions that really run.

use crate::session::{Session, eventually, kill};
use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

#[test]
fn regions_are_looked_at_cut_and_healed() {
    let session = Session::with(
        "[region.east]\nendpoint = 'NET.1:9000'\n[region.west]\n[bucket.ledger]\nregion = 'east'\n\
         [process.till]\nregion = 'east'\nprogram = 'sleep'\narguments = ['1000']\n",
    );
    insta::assert_snapshot!(session.run("local status"), @"nothing runs: `up` starts the regions");
    session.data("up --yes");
    insta::assert_snapshot!(session.run("local status"), @r"
    east  agent [pid] · up [t]
      till             ready        pid [pid] restarts 0
                       [root]/l/shop/dev/east/logs/till.log
      endpoint         S3           http://127.x.y.1:9000
      ledger           bucket       0 objects, 0 bytes
    west  agent [pid] · up [t]
    ");
    insta::assert_snapshot!(session.run("local cut east west"), @"east and west are cut from each other; `local heal east west` ends it");
    let cut = session.run("local status");
    assert_eq!(cut.lines().filter(|line| line.contains("cut from")).count(), 2, "{cut}");
    insta::assert_snapshot!(session.run("local heal east west"), @"east and west reach each other again");
    insta::assert_snapshot!(session.run("local cut east north"), @r"
    error: there is no region `north`
      try: the regions of this stack are: east, west
    --- exit 1
    ");
    insta::assert_snapshot!(session.run("local cut east east"), @r"
    error: `east` can't be cut from itself
      try: name two regions
    --- exit 1
    ");
    insta::assert_snapshot!(session.run("local cut east"), @r"
    error: `local cut` takes two regions
    --- exit 1
    ");
}

#[test]
fn a_log_is_shown_and_followed() {
    let session = Session::new();
    let gate = session.path("gate");
    session.config(&format!(
        "[region.east]\n[process.till]\nregion = 'east'\nprogram = 'sh'\narguments = ['-c', 'echo open; until [ -e {} ]; do sleep 0.02; done; echo closing; exec sleep 1000']\n",
        gate.display()
    ));
    session.data("up --yes");
    eventually("the till has said something", || session.data("local logs till") == "open\n");
    let mut follower = session.program("local logs till --follow").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "open");
    session.write("gate", "");
    assert_eq!(lines.next().unwrap().unwrap(), "closing");
    kill(follower.id());
    follower.wait().unwrap();
    insta::assert_snapshot!(session.run("local logs tlil"), @r"
    error: no process `tlil` has a log
      try: there are logs of: till
    --- exit 1
    ");
    insta::assert_snapshot!(session.run("local logs"), @r"
    error: `local logs` takes the name of a process, and --follow
    --- exit 1
    ");
}
