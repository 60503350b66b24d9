//! Who works on a stack, and waiting for them.

use crate::session::{Session, eventually};
use std::{io::Read, process::Child};

/// A program that takes so long that others meet it: its one process is ready when a test says so.
fn slow() -> Session {
    let session = Session::new();
    let (gate, address) = (session.path("gate"), session.address(1, 8000));
    let server = format!("exec python3 -m http.server --bind {} {}", address.ip(), address.port());
    session.config(&format!(
        "[region.east]\n[process.till]\nregion = 'east'\nprogram = 'sh'\naddress = '{address}'\n\
         arguments = ['-c', 'touch {0}.asked; until [ -e {0} ]; do sleep 0.02; done; {server}']\n",
        gate.display()
    ));
    session
}

fn begin(session: &Session) -> Child {
    let child = session.start("up --yes");
    eventually("the till is being opened", || session.path("gate.asked").exists());
    child
}

#[test]
fn a_held_stack_is_refused_at_once_and_waited_for_when_asked() {
    let session = slow();
    let first = begin(&session);
    insta::assert_snapshot!(session.run("state protect east"), @r"
    error: the stack is in use by ada on [host] (`up`, process [pid], since [time])
      try: wait until it is done, or let `--wait-lock 10m` wait; the lock of a process that has ended is taken over by itself
      try: `state unlock` says how to end a run that hangs
    --- exit 4
    ");
    let refused = session.run("up --yes --wait-lock 300ms");
    assert!(refused.contains("waits     waiting for ada@[host] (`up`, since [time])"), "{refused}");
    assert!(refused.ends_with("--- exit 4"), "{refused}");
    let told = session.run("up --yes --json --wait-lock 300ms");
    assert!(told.contains(r#""event":"lock_waiting","stack":"dev""#), "{told}");

    let mut second = session.start("up --yes --wait-lock 1m");
    let mut said = second.stderr.take().unwrap();
    let mut read = String::new();
    while !read.contains("waiting for") {
        let mut bytes = [0; 200];
        let length = said.read(&mut bytes).unwrap();
        assert!(length > 0, "it has ended: {read}");
        read += &String::from_utf8_lossy(&bytes[..length]);
    }
    session.write("gate", "");
    let first = first.wait_with_output().unwrap();
    assert!(first.status.success(), "{}", session.shown(&first));
    let second = second.wait_with_output().unwrap();
    assert!(session.shown(&second).contains("no changes. 2 resources"), "{}", session.shown(&second));
}

#[test]
fn a_hold_on_a_disk_ends_with_its_process() {
    let session = slow();
    insta::assert_snapshot!(session.run("state unlock"), @"Nobody works on stack `dev`.");
    let mut first = begin(&session);
    let shown = session.run("state unlock --yes");
    let pid = first.id().to_string();
    assert!(shown.contains(&format!("`kill -INT {pid}` lets it finish")), "{shown}");
    insta::assert_snapshot!(shown.replace(&pid, "[pid]"), @r"
    error: stack `dev` is held by ada on [host] (`up`, process [pid], since [time]), and that process is running
      on a disk the lock belongs to the process: the kernel releases it at the moment when the process ends, however it ends
      try: `kill -INT [pid]` lets it finish what is under way; `kill -9 [pid]` is safe, too: the next `up` picks up from there
    --- exit 4
    ");
    first.kill().unwrap();
    first.wait().unwrap();
    session.write("gate", "");
    insta::assert_snapshot!(session.run("state unlock"), @"Nobody works on stack `dev`.");
    session.data("up --yes");
}

#[test]
fn a_time_to_wait_is_checked() {
    let session = Session::with("[file.page]\n");
    for time in ["soon", "-1s", "3d", ""] {
        let output = session.program("state ls").args(["--wait-lock", time]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{time}: {}", session.shown(&output));
    }
}
