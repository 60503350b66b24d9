//! Kills at the points that are compiled into the program for tests.

use super::world::World;
use crate::session::Session;
use std::{collections::BTreeMap, process::Stdio, sync::LazyLock};
use terrane_core::failpoint::{Point, VARIABLE};

/// Content that makes the log so long that a run doesn't end before it has written a snapshot.
static LONG: LazyLock<String> = LazyLock::new(|| "x".repeat(2_200_000));

/// Programs of files alone, one after the other: each leads to the next by creates, updates, replacements and deletes.
const FILES: [&str; 4] = [
    "",
    "
[file.a]
content = 'one'
[file.b]
reads = 'a'
[file.c]
secret = 'hunter2'
[file.d]
content = 'LONG'
",
    "
[file.a]
at = 'moved'
[file.b]
reads = 'a'
content = 'changed'
[file.c]
secret = 'hunter3'
[file.e]
[file.f]
after = ['e']
",
    "
[file.b]
content = 'alone'
",
];

/// How often the program was killed where.
#[derive(Debug, Default)]
pub(crate) struct Tally(BTreeMap<String, u64>);

impl Tally {
    pub(crate) fn add(&mut self, place: impl Into<String>) {
        *self.0.entry(place.into()).or_default() += 1;
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Whether it was killed at a point.
    pub(crate) fn knows(&self, point: Point) -> bool {
        self.0.contains_key(&format!("{point:?}"))
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|(place, times)| writeln!(f, "{times:>6}  {place}"))
    }
}

/// A way from one program to the next, and where it ends without a kill.
pub(crate) struct Way {
    from: String,
    to: String,
    end: World,
}

impl Way {
    /// All of them, the last of which leads back to the first.
    pub(crate) fn all() -> Vec<Self> {
        Self::through(FILES.map(str::to_owned))
    }

    /// All of them without a secret: a state in a bucket has its key from a passphrase, which each run would work out anew.
    pub(crate) fn without_secrets() -> Vec<Self> {
        Self::through(FILES.map(|text| text.replace("secret", "content")))
    }

    fn through(texts: [String; 4]) -> Vec<Self> {
        let session = Session::new();
        let texts = texts.map(|text| text.replace("LONG", &LONG));
        let pairs = texts.iter().zip(texts.iter().cycle().skip(1));
        let way = |(from, to): (&String, &String)| {
            [from, to].into_iter().for_each(|text| lead(&session, text));
            Self { from: from.clone(), to: to.clone(), end: world(&session) }
        };
        pairs.map(way).collect()
    }

    /// Goes to where the way begins, and makes ready for the rest.
    pub(crate) fn begin(&self, session: &Session) {
        lead(session, &self.from);
        session.config(&self.to);
    }

    /// Goes on to its end, whatever has happened on the way: there is nothing more to do then, and all is as it would have been.
    pub(crate) fn finish(&self, session: &Session, after: &str) {
        super::settle(session, "up --yes");
        let world = world(session);
        assert!(world == self.end, "{after}: {world:?}\n  instead of {:?}", self.end);
    }
}

fn lead(session: &Session, config: &str) {
    session.config(config);
    session.data("up --yes");
}

fn world(session: &Session) -> World {
    World::seen(session, |text| text.replace(&*LONG, "[long]"))
}

/// Runs the program and kills it at a point, when it comes there for the `times`th time; tells whether it did.
pub(crate) fn kill_at(session: &Session, words: &str, point: Point, times: u64) -> bool {
    // As a user's program runs: with many steps at the same time.
    let mut program = session.program(words);
    program.env(VARIABLE, format!("{point:?}:{times}")).env("TERRANE_PARALLEL", "64");
    program.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().code().is_none()
}

/// Kills the program on one way, when it comes to the point for the `times`th time; tells whether it did.
fn kill_on(way: &Way, session: &Session, point: Point, times: u64, tally: &mut Tally) -> bool {
    way.begin(session);
    if point == Point::RecoveryFound && kill_at(session, "up --yes", Point::AfterCall, 1) {
        tally.add(format!("{:?}", Point::AfterCall));
    }
    let killed = kill_at(session, "up --yes", point, times);
    if killed {
        tally.add(format!("{point:?}"));
    }
    way.finish(session, &format!("killed at {point:?} for the {times}th time"));
    killed
}

/// Kills the program at every point of every way, up to `times_max` times each; `fresh` makes sessions without a stack.
pub(crate) fn at_every_point(fresh: impl Fn() -> Session, ways: &[Way], times_max: u64, tally: &mut Tally) {
    let session = fresh();
    for way in ways {
        for point in Point::ALL {
            // A key is made once in the life of a stack, and an old one has long logs between its snapshots.
            let young = matches!(point, Point::KeyWritten | Point::BeforeSnapshot | Point::AfterSnapshot);
            let own = young.then(&fresh);
            for times in 1..=times_max {
                if !kill_on(way, own.as_ref().unwrap_or(&session), point, times, tally) {
                    break;
                }
            }
        }
    }
}

/// Kills the program at random points until it was killed so often.
pub(crate) fn at_random_points(session: &Session, ways: &[Way], seed: u64, kills: u64, tally: &mut Tally) {
    let mut random = fastrand::Rng::with_seed(seed);
    let until = tally.total() + kills;
    for way in ways.iter().cycle() {
        if tally.total() >= until {
            break;
        }
        let point = Point::ALL[random.usize(..Point::ALL.len())];
        // Most points come once in a run.
        let times = if random.bool() { 1 } else { random.u64(2..=4) };
        kill_on(way, session, point, times, tally);
    }
}

/// The points that a program comes to, whatever keeps its state.
pub(crate) fn missing(tally: &Tally) -> Vec<Point> {
    Point::ALL.into_iter().filter(|point| !tally.knows(*point)).collect()
}
