//! Scenarios of the commands beside `up`: import, rollback, another key, and what goes from one stack to another.

use super::{ALL, DEATHS, POWER, Scenario, chain, up, versions};
use crate::{
    case::{Case, Command, Job, Sizes},
    cloud::Habit,
    program::{Item, Program},
};

pub(super) fn all() -> Vec<Scenario> {
    let scenario = |name, case| Scenario { name, case, sides: DEATHS };
    vec![
        scenario("import", import()),
        scenario("another key", another_key()),
        scenario("rollback", rollback()),
        scenario("a resource goes to another stack", moved(Sizes::LARGE)),
        scenario("a resource goes to another stack, and logs are folded", moved(Sizes::SMALL)),
        scenario("a stack gets another name", renamed()),
        Scenario { sides: ALL, ..scenario("a stack is taken from a living holder", unlocked()) },
        Scenario {
            sides: POWER,
            ..scenario("two versions on a disk", on_disk(versions(19, vec![small(0), small(1)])))
        },
        Scenario { sides: POWER, ..scenario("another key on a disk", on_disk(another_key())) },
        Scenario {
            sides: POWER,
            ..scenario("a resource goes to another stack on a disk", on_disk(moved(Sizes::LARGE)))
        },
        Scenario { sides: POWER, ..scenario("a stack on a disk gets another name", on_disk(renamed())) },
    ]
}

fn one_writer(seed: u64, programs: Vec<Program>, jobs: Vec<Job>) -> Case {
    Case { writers: vec![jobs], ..versions(seed, programs) }
}

/// What others have made is adopted, one after another, and changed.
fn import() -> Case {
    let kinds = [Habit::Name, Habit::Token, Habit::Tags];
    let program = |value| Program::of(kinds.map(|habit| Item::new(habit, value)));
    let imports = (0..kinds.len()).map(|number| Job::new(Command::Import(number), 0));
    one_writer(13, vec![program(0), program(1)], imports.chain([up(0), up(1)]).collect())
}

/// Two resources.
fn small(value: u32) -> Program {
    Program::of([Item::new(Habit::Tags, value), Item::new(Habit::Name, value).needing(&[0])])
}

fn on_disk(case: Case) -> Case {
    Case { disk: true, ..case }
}

/// Every secret is put under another key, twice.
fn another_key() -> Case {
    let rotate = Job::new(Command::Rotate, 0);
    let jobs = vec![up(0), rotate.clone(), up(1), rotate];
    Case { secret: true, ..one_writer(14, vec![chain(0), chain(1)], jobs) }
}

/// Back to the first version, in which one resource was there that the second lacks, and one wasn't.
fn rollback() -> Case {
    let (mut first, mut second) = (chain(0), chain(1));
    first.0.remove(&4);
    second.0.remove(&5);
    first.mend();
    let back = Job::new(Command::Rollback, 0);
    let jobs = vec![up(0), up(1), back.clone()];
    Case { last: vec![back], ..one_writer(15, vec![first, second], jobs) }
}

/// Two of four resources go to the other stack, and both stacks go on.
fn moved(sizes: Sizes) -> Case {
    let [network, bucket, server, key] = [Habit::Tags, Habit::Name, Habit::Token, Habit::Unmarked];
    let whole = Program::of([
        Item::new(network, 0),
        Item::new(bucket, 0).needing(&[0]),
        Item::new(server, 0).needing(&[1]),
        Item::new(key, 0),
    ]);
    let part = |numbers: [usize; 2]| {
        let mut part = whole.clone();
        part.0.retain(|number, _| numbers.contains(number));
        part.mend();
        part
    };
    let last = vec![up(1), up(2).elsewhere()];
    let moves = [1, 3].map(|number| Job::new(Command::Move(number), 0));
    let jobs = [up(0)].into_iter().chain(moves).chain(last.clone()).collect();
    Case { last, sizes, ..one_writer(16, vec![whole.clone(), part([0, 2]), part([1, 3])], jobs) }
}

/// Everything goes to a stack of another name, which goes on.
fn renamed() -> Case {
    let last = vec![up(1).elsewhere()];
    let jobs = [up(0), Job::new(Command::Rename, 0)].into_iter().chain(last.clone()).collect();
    Case { last, ..one_writer(17, vec![chain(0), chain(1)], jobs) }
}

/// Somebody ends the hold of one who lives, and works on the stack.
fn unlocked() -> Case {
    let thief = vec![Job::new(Command::Unlock, 0).after(300), up(1)];
    Case {
        programs: vec![chain(0), chain(1)],
        writers: vec![vec![up(0), up(1)], thief],
        ..Case::quiet(18, Program::default())
    }
}
