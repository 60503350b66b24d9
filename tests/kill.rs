//! `kill -9` in the middle of everything, on the real program with real files and processes: the next run of the same command ends
//! where one that was never killed ends, and nothing is lost, doubled or left behind.

mod moments;
pub(crate) mod points;
mod world;

use crate::session::{Session, agents, kill};
use moments::{Moments, kill_at};
use points::{Tally, Way};
use std::time::{Duration, Instant};
use world::World;

/// Programs one after the other: each leads to the next by creates, updates, replacements and deletes.
const PROGRAMS: [&str; 4] = [
    "
[file.a]
content = 'one'
[file.b]
reads = 'a'
[file.c]
secret = 'hunter2'
[region.east]
[process.till]
region = 'east'
program = 'sleep'
arguments = ['1000']
",
    "
[file.a]
content = 'two'
[file.b]
reads = 'a'
content = 'changed'
[file.c]
secret = 'hunter3'
[file.d]
[region.east]
[process.till]
region = 'east'
program = 'sleep'
arguments = ['2000']
[process.scale]
region = 'east'
program = 'sleep'
arguments = ['1000']
",
    "
[file.a]
at = 'moved'
[file.b]
reads = 'a'
[file.d]
at = 'd2'
[region.west]
[process.till]
region = 'west'
program = 'sleep'
arguments = ['2000']
",
    "",
];

/// How often each way from a program to the next is killed: as often at an event as at a random moment.
const ROUNDS: usize = 10;

#[test]
fn whatever_moment_a_run_is_killed_at_the_next_one_ends_where_it_would_have() {
    let (expected, run) = uncrashed();
    let mut moments = Moments::new(0x07e1_1a4e, run);
    let session = Session::with("");
    let mut kills = 0;
    for round in 0..ROUNDS {
        for (config, world) in PROGRAMS.iter().zip(&expected) {
            session.config(config);
            // Twice in a row: what recovers from a crash may crash, too.
            for _ in 0..2 {
                kills += usize::from(kill_at(&session, "up --yes --json", moments.next()));
            }
            if round % 2 == 1 {
                // As a reboot would, apart from the processes, which live on.
                agents(&session.path("l")).into_iter().for_each(kill);
            }
            settle(&session, "up --yes");
            assert_eq!(World::of(&session), *world, "after {kills} kills, on the way to {config}");
        }
    }
    assert!(kills >= 30, "only {kills} of the kills met a running program");
}

#[test]
fn whatever_point_a_run_is_killed_at_the_next_one_ends_where_it_would_have() {
    let mut tally = Tally::default();
    points::at_every_point(Session::new, &Way::all(), 2, &mut tally);
    assert!(points::missing(&tally).is_empty(), "never killed at {:?}", points::missing(&tally));
    assert!(tally.total() >= 50, "only {} kills:\n{tally}", tally.total());
}

#[test]
fn a_destroy_that_is_killed_leaves_nothing_behind() {
    let session = Session::with(PROGRAMS[1]);
    settle(&session, "up --yes");
    let began = Instant::now();
    settle(&session, "destroy --yes");
    let mut moments = Moments::new(0x0de5_7207, began.elapsed());
    let mut kills = 0;
    for _ in 0..ROUNDS {
        session.config(PROGRAMS[1]);
        settle(&session, "up --yes");
        for _ in 0..2 {
            kills += usize::from(kill_at(&session, "destroy --yes --json", moments.next()));
        }
        settle(&session, "destroy --yes");
        assert_eq!(World::of(&session), World::default(), "after {kills} kills");
    }
    assert!(kills >= ROUNDS, "only {kills} of the kills met a running program");
}

/// Where runs that are never killed lead, and how long the longest of them takes.
fn uncrashed() -> (Vec<World>, Duration) {
    let session = Session::with("");
    let mut longest = Duration::ZERO;
    let world = |config: &&str| {
        session.config(config);
        let began = Instant::now();
        session.data("up --yes");
        longest = longest.max(began.elapsed());
        World::of(&session)
    };
    (PROGRAMS.iter().map(world).collect(), longest)
}

/// Runs to the end, after which there is nothing more to do.
pub(crate) fn settle(session: &Session, words: &str) {
    session.data(words);
    let again = session.data(words);
    assert!(again.contains("no changes") || again.contains("nothing to destroy"), "{again}");
}

#[test]
fn no_secret_is_on_the_disk_in_the_clear() {
    let session =
        Session::with(&format!("{}secret = 'hunter2-till'\n", PROGRAMS[0].replace("hunter2", "hunter2-file")));
    session.data("preview --save plan.json");
    session.data("up --yes --plan plan.json");
    kill_at(&session, "destroy --yes --json", moments::Moment::Event(3));
    for folder in ["state", "desk/plan.json"] {
        for form in ["hunter2-file", "hunter2-till"].iter().flat_map(|secret| world::forms(secret)) {
            let found = world::containing(&session.path(folder), &form);
            assert!(found.is_empty(), "`{form}` stands in {found:?}");
        }
    }
    // The search itself must be able to find something.
    assert!(!world::containing(&session.path("files"), "hunter2-file").is_empty());
}
