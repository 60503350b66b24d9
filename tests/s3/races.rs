//! Several processes on one stack, and some that sleep and wake when their time is over.

use super::shop::{Server, Shop};
use crate::{kill, session::eventually};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    process::{Child, Stdio},
    thread,
    time::Duration,
};
use terrane_core::failpoint::{HASTE, VARIABLE};

/// How many times as fast as in production leases run out: a silence of 90 s takes 3 s.
const FAST: &str = "30";

/// A run that need not wait is over after about so long, in milliseconds.
const MOMENT_MAX_MS: u64 = 600;

/// How many files a racer writes.
const FILES: usize = 6;

#[test]
fn two_and_four_processes_take_turns() {
    race(Server::Region, 2, 2);
    race(Server::Region, 4, 1);
}

#[test]
fn a_holder_that_wakes_after_its_time_changes_nothing() {
    for server in Server::ALL {
        wake_too_late(Shop::on(server));
    }
}

fn wake_too_late(mut shop: Shop) {
    shop.session.set(HASTE, FAST);
    shop.session.config(&files("sleeper"));
    // Stopped when its intent is durable, right before its call.
    let mut program = shop.session.program("up --yes");
    program.env(VARIABLE, "AfterIntentCommit:3:stop").stdout(Stdio::null()).stderr(Stdio::piped());
    let sleeper = program.spawn().unwrap();
    eventually("it sleeps", || state_of(&sleeper) == Some('T'));

    shop.session.config(&files("successor"));
    shop.session.data("up --yes --wait-lock 1m");
    signal(&sleeper, Signal::CONT);
    let output = sleeper.wait_with_output().unwrap();
    let shown = shop.session.shown(&output);
    assert_eq!(output.status.code(), Some(4), "{shown}");
    assert!(!shown.contains("panicked"), "{shown}");
    assert!(shown.contains("stopped here: ") && shown.contains("error: this run has lost its hold"), "{shown}");
    for number in 0..FILES {
        assert_eq!(shop.session.read(&format!("files/f{number}")), "successor");
    }
    kill::settle(&shop.session, "up --yes");
    assert!(shop.audit() >= 2, "nobody took over from the sleeper");
}

/// Lets processes with different programs race for one stack while some of them are stopped for longer than a lease lasts. Tells how often
/// the stack has changed hands.
pub(crate) fn race(server: Server, racers: usize, rounds: usize) -> usize {
    let mut shop = Shop::on(server);
    shop.session.set(HASTE, FAST);
    shop.session.config(&files("settled"));
    thread::scope(|scope| {
        let shop = &shop;
        let racers: Vec<_> = (0..racers)
            .map(|racer| scope.spawn(move || (0..rounds).for_each(|round| run(shop, racer, round))))
            .collect();
        for racer in racers {
            racer.join().unwrap();
        }
    });
    shop.session.data("up --yes --wait-lock 1m");
    kill::settle(&shop.session, "up --yes");
    for number in 0..FILES {
        assert_eq!(shop.session.read(&format!("files/f{number}")), "settled");
    }
    let epochs = shop.audit();
    assert!(epochs >= racers, "the stack has hardly changed hands");
    epochs
}

/// One run of a racer in a folder of its own. Every other racer is stopped in the middle: in its first round right before a call, then at
/// a random moment.
fn run(shop: &Shop, racer: usize, round: usize) {
    let desk = shop.session.path(&format!("desk-{racer}"));
    fs::create_dir_all(&desk).unwrap();
    let config = format!("folder = '{}'\n{}", shop.session.path("files").display(), files(&format!("racer {racer}")));
    fs::write(desk.join("terrane.toml"), config).unwrap();
    let mut program = shop.session.program("up --yes --wait-lock 20s");
    program.current_dir(desk).stdout(Stdio::null()).stderr(Stdio::piped());
    let is_stopped = racer % 2 == 1;
    if is_stopped && round == 0 {
        program.env(VARIABLE, "AfterIntentCommit:2:stop");
    }
    let mut child = program.spawn().unwrap();
    if is_stopped && round > 0 {
        let seed = u64::try_from(racer * 1000 + round).unwrap();
        thread::sleep(Duration::from_millis(fastrand::Rng::with_seed(seed).u64(..MOMENT_MAX_MS)));
        signal(&child, Signal::STOP);
    }
    while child.try_wait().unwrap().is_none() {
        if state_of(&child) == Some('T') {
            // Longer than a silence, so that another takes over.
            thread::sleep(Duration::from_secs(4));
            signal(&child, Signal::CONT);
        }
        thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    let shown = shop.session.shown(&output);
    assert!(output.status.code().is_some() && !shown.contains("panicked"), "{shown}");
}

/// A program of files with one content.
fn files(content: &str) -> String {
    (0..FILES).map(|number| format!("[file.f{number}]\ncontent = '{content}'\n")).collect()
}

/// What a process does, as the system names it: `T` when it is stopped.
fn state_of(child: &Child) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, signal).unwrap();
}
