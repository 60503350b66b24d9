//! Two people at once, and Ctrl-C.

use crate::session::{Session, eventually, marked};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, ChildStderr, Output},
};

/// A process that comes after the till.
const ZOO: &str = "[process.zoo]\nregion = 'east'\nprogram = 'sleep'\narguments = ['1000']\n";

/// A till that opens only when a test lets it, and more.
fn with_gate(more: &str) -> Session {
    let session = Session::new();
    let (gate, address) = (session.path("gate"), session.address(1, 8000));
    let server = format!("exec python3 -m http.server --bind {} {}", address.ip(), address.port());
    session.config(&format!(
        "[region.east]\n[process.till]\nregion = 'east'\nprogram = 'sh'\naddress = '{address}'\n\
         arguments = ['-c', 'until [ -e {} ]; do sleep 0.02; done; {server}']\n{more}",
        gate.display()
    ));
    session
}

/// A run, with what it has said so far.
struct Run {
    child: Child,
    said: BufReader<ChildStderr>,
    read: String,
}

impl Run {
    fn begin(session: &Session) -> Self {
        let mut child = session.start("up --yes");
        let said = BufReader::new(child.stderr.take().unwrap());
        let mut run = Self { child, said, read: String::new() };
        run.hear("create    till");
        eventually("the till is being opened", || !marked(&session.path("l")).is_empty());
        run
    }

    /// Waits until it says something.
    fn hear(&mut self, words: &str) {
        while !self.read.lines().last().is_some_and(|line| line.contains(words)) {
            assert!(self.said.read_line(&mut self.read).unwrap() > 0, "it has ended: {}", self.read);
        }
    }

    fn interrupt(&self) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
    }

    fn end(mut self, session: &Session) -> String {
        self.said.read_to_string(&mut self.read).unwrap();
        let output = self.child.wait_with_output().unwrap();
        session.shown(&Output { stderr: self.read.into_bytes(), ..output })
    }
}

#[test]
fn one_works_on_a_stack_at_a_time() {
    let session = with_gate("");
    let first = Run::begin(&session);
    insta::assert_snapshot!(session.run("up --yes"), @r"
    error: the stack is in use by ada on [host] (`up`, process [pid], since [time])
      try: wait until it is done, or let `--wait-lock 10m` wait; the lock of a process that has ended is taken over by itself
      try: `state unlock` says how to end a run that hangs
    --- exit 4
    ");
    assert_eq!(session.output("preview").status.code(), Some(0), "looking needs no lock");
    session.write("gate", "");
    let first = first.end(&session);
    assert!(first.contains("done: 2 created"), "{first}");
}

#[test]
fn the_first_interrupt_lets_running_steps_end() {
    let session = with_gate(ZOO);
    let mut run = Run::begin(&session);
    run.interrupt();
    run.hear("stopping");
    session.write("gate", "");
    insta::assert_snapshot!(run.end(&session), @r"
    shop / dev · state in [root]/state · 3 resources in the program

      + east   local:Region
      + till   local:Process   program: sh, stop_limit_ms: 2000
        zoo    the same

      3 to create. Longest chain: 2 steps.

    --- stderr
    [time]  up        shop / dev: 3 steps
    [time]  create    east (local:Region)
    [time]  created   east (local:Region)  [t]
    [time]  create    till (local:Process)
    [time]  stopping  finishing 1 running step; press again to stop at once (as safe as a crash: the next run picks up from there)
    [time]  created   till (local:Process)  [t]
    [time]  ended     interrupted after [t]

    interrupted: 2 created, 1 never started after [t]. `up` goes on from here.
    --- exit 130
    ");
    insta::assert_snapshot!(session.run("up --yes"), @r"
    shop / dev · state in [root]/state · 3 resources in the program

      + zoo   local:Process   program: sleep, stop_limit_ms: 2000

      1 to create, 2 unchanged.

    done: 1 created in [t].
    --- stderr
    [time]  up        shop / dev: 1 step
    [time]  create    zoo (local:Process)
    [time]  created   zoo (local:Process)  [t]
    [time]  ended     done after [t]
    ");
}

#[test]
fn the_second_interrupt_stops_at_once() {
    let session = with_gate("");
    let mut run = Run::begin(&session);
    run.interrupt();
    run.hear("stopping");
    run.interrupt();
    insta::assert_snapshot!(run.end(&session), @r"
    shop / dev · state in [root]/state · 2 resources in the program

      + east   local:Region
      + till   local:Process   program: sh, stop_limit_ms: 2000

      2 to create. Longest chain: 2 steps.

    --- stderr
    [time]  up        shop / dev: 2 steps
    [time]  create    east (local:Region)
    [time]  created   east (local:Region)  [t]
    [time]  create    till (local:Process)
    [time]  stopping  finishing 1 running step; press again to stop at once (as safe as a crash: the next run picks up from there)
    [time]  stopping  stopping at once, in the middle of 1 running step; the next run picks up from there
    [time]  ended     interrupted after [t]

    interrupted: 1 created after [t]. `up` goes on from here.
    --- exit 130
    ");
    session.write("gate", "");
    insta::assert_snapshot!(session.run("up --yes"), @r"
    shop / dev · state in [root]/state · 2 resources in the program

      ~ till   local:Process   its last create or update did not come to its end

      1 to update, 1 unchanged.

    done: 1 updated in [t].
    --- stderr
    [time]  recovered till (local:Process): adopted local:Process, created by the run of [time]

    [time]  up        shop / dev: 1 step
    [time]  update    till (local:Process)
    [time]  updated   till (local:Process)  [t]
    [time]  ended     done after [t]
    ");
    assert_eq!(marked(&session.path("l")), ["till"]);
}
