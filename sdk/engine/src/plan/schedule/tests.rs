//! Every plan of up to four resources, held against what must be true of any order.

use super::*;
use petgraph::algo::toposort;
use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};
use terrane_core::{
    Properties,
    state::{Instance, Kept, Lineage},
};

/// What may happen to a resource. `Same` is scheduled as `Update` is.
const OPS: [Op; 5] =
    [Op::Create, Op::Update, Op::Replace { delete_first: false }, Op::Replace { delete_first: true }, Op::Delete];

static URNS: LazyLock<[Urn; 4]> =
    LazyLock::new(|| std::array::from_fn(|n| Urn::new("dev", "demo", "", "demo:Thing", &n.to_string())));
static MADE: LazyLock<[OpId; 4]> =
    LazyLock::new(|| std::array::from_fn(|n| OpId::mint(&Lineage::new("test"), &URNS[n], 1)));

fn urn(n: usize) -> Urn {
    URNS[n].clone()
}

fn in_state(op: Op) -> bool {
    op != Op::Create
}

fn in_program(op: Op) -> bool {
    op != Op::Delete
}

struct World {
    ops: Vec<Op>,
    /// `(of, on)`: what depended on what in state.
    before: BTreeSet<(usize, usize)>,
    /// `(of, on)`: what depends on what in the program.
    after: BTreeSet<(usize, usize)>,
    /// `(to, from)`: whose physical name goes to whom.
    names: BTreeSet<(usize, usize)>,
}

impl World {
    fn state(&self) -> State {
        let mut state = State::new(Lineage::new("test"));
        for (n, _) in self.ops.iter().enumerate().filter(|(_, op)| in_state(**op)) {
            let instance = Instance {
                urn: urn(n),
                op: MADE[n].clone(),
                provider: "demo".to_owned(),
                inputs: Properties::default(),
                outputs: Properties::default(),
                dependencies: self.before.iter().filter(|(of, _)| *of == n).map(|(_, on)| urn(*on)).collect(),
                kept: Kept::default(),
                site: String::new(),
                unsettled: false,
                created_ms: 0,
                modified_ms: 0,
            };
            state.live.insert(urn(n), Arc::new(instance));
        }
        state
    }

    fn steps(&self) -> Vec<Step> {
        let step = |(n, op): (usize, &Op)| Step {
            urn: urn(n),
            op: *op,
            // Every other one, so that what waits to learn is mixed with what does not.
            uncertain: n % 2 == 1 && *op == Op::Replace { delete_first: true },
            site: String::new(),
            target: in_state(*op).then(|| MADE[n].clone()),
            moved_from: None,
            import: None,
            inputs: Properties::default(),
            unknown: Default::default(),
            changes: Vec::new(),
            why: Vec::new(),
            dependencies: self.after.iter().filter(|(of, _)| *of == n).map(|(_, on)| urn(*on)).collect(),
            displaces: self.names.iter().filter(|(to, _)| *to == n).map(|(_, from)| MADE[*from].clone()).collect(),
            kept: Kept::default(),
            noted: false,
        };
        self.ops.iter().enumerate().map(step).collect()
    }

    /// Walks one order and looks at the objects that exist after each task.
    fn check(&self) -> Result<(), String> {
        let (mut steps, state) = (self.steps(), self.state());
        settle_orders(&mut steps, &state);
        for (step, planned) in steps.iter().zip(&self.ops) {
            let settled = step.op == *planned || *planned == (Op::Replace { delete_first: false });
            settled.then_some(()).ok_or_else(|| format!("{:?} became {:?}", planned, step.op))?;
        }
        let order = order(&steps, &state);
        let sorted = toposort(&order, None).map_err(|_| "the order has a circle".to_owned())?;
        let delete_first = |n: usize| steps[n].op == Op::Replace { delete_first: true };
        let mut old: BTreeSet<usize> = (0..steps.len()).filter(|n| in_state(self.ops[*n])).collect();
        let mut made: BTreeSet<usize> = BTreeSet::new();
        for task in sorted.into_iter().map(|node| order[node]) {
            let n = task.step;
            if task.part == Part::Make {
                let lacks = self.after.iter().find(|(of, on)| *of == n && !made.contains(on));
                lacks.map_or(Ok(()), |(_, on)| Err(format!("{n} is made before {on}")))?;
                if delete_first(n) && old.contains(&n) {
                    return Err(format!("{n} is made while the old one exists"));
                }
                let rival = self.names.iter().find(|(to, from)| *to == n && old.contains(from));
                rival.map_or(Ok(()), |(_, from)| Err(format!("{n} is made while {from} has its name")))?;
                made.insert(n);
            } else {
                old.remove(&n);
                if steps[n].op == (Op::Replace { delete_first: false }) && !made.contains(&n) {
                    return Err(format!("{n} is gone before the new one exists"));
                }
                // Whoever is itself replaced or deleted must be gone by then; whoever is updated must have let go, unless that can't be.
                let user = self.before.iter().find(|(of, on)| {
                    let goes = matches!(steps[*of].op, Op::Delete | Op::Replace { .. });
                    *on == n && goes && old.contains(of)
                });
                user.map_or(Ok(()), |(of, _)| Err(format!("{n} is gone while {of} still uses it")))?;
            }
        }
        Ok(())
    }
}

fn pairs(of: &[usize]) -> Vec<(usize, usize)> {
    of.iter().flat_map(|a| of.iter().filter(move |b| *b < a).map(move |b| (*a, *b))).collect()
}

fn subsets(all: &[(usize, usize)]) -> impl Iterator<Item = BTreeSet<(usize, usize)>> + '_ {
    (0..1u32 << all.len())
        .map(|bits| all.iter().enumerate().filter(|(n, _)| bits >> n & 1 == 1).map(|(_, pair)| *pair).collect())
}

/// Every way to number so many resources anew.
fn permutations(size: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for _ in 0..size {
        let longer = |part: Vec<usize>| -> Vec<Vec<usize>> {
            let free = (0..size).filter(|n| !part.contains(n));
            free.map(|n| part.iter().copied().chain([n]).collect()).collect()
        };
        all = all.into_iter().flat_map(longer).collect();
    }
    all
}

impl World {
    /// The world as a number, with its resources numbered anew; none, when a dependency would turn around.
    fn number(&self, order: &[usize]) -> Option<u64> {
        let mut ops = 0;
        for (n, op) in self.ops.iter().enumerate() {
            let position = OPS.iter().position(|known| known == op)?;
            ops |= (position as u64) << (4 * order[n]);
        }
        let mut edges = 0;
        for (shift, pairs) in [(0, &self.before), (16, &self.after)] {
            for (of, on) in pairs {
                let (of, on) = (order[*of], order[*on]);
                (of > on).then_some(())?;
                edges |= 1 << (shift + 4 * of + on);
            }
        }
        Some(ops << 32 | edges)
    }

    /// Whether no other numbering of the same world comes first: one of them is enough.
    fn is_first_of_its_kind(&self, numberings: &[Vec<usize>]) -> bool {
        let own = self.number(&numberings[0]);
        numberings.iter().filter_map(|numbering| self.number(numbering)).min() == own
    }

    /// How many dependencies the program has changed between resources that it had before.
    fn changed(&self) -> usize {
        let stays = |n: usize| in_state(self.ops[n]) && in_program(self.ops[n]);
        self.before.symmetric_difference(&self.after).filter(|(of, on)| stays(*of) && stays(*on)).count()
    }

    /// Whether the world doesn't fall into parts; those are worlds of their own.
    fn is_connected(&self) -> bool {
        let (mut reached, mut open) = (BTreeSet::from([0]), vec![0]);
        while let Some(n) = open.pop() {
            for (a, b) in self.before.iter().chain(&self.after) {
                let next = if *a == n { *b } else { *a };
                if (*a == n || *b == n) && reached.insert(next) {
                    open.push(next);
                }
            }
        }
        reached.len() == self.ops.len()
    }
}

#[test]
fn every_plan_of_up_to_four_resources_has_an_order() {
    let mut worlds = 0;
    for size in 1..=4u32 {
        let numberings = permutations(size as usize);
        for choice in 0..5usize.pow(size) {
            let ops: Vec<Op> = (0..size).map(|n| OPS[choice / 5usize.pow(n) % 5]).collect();
            let stated: Vec<usize> = (0..ops.len()).filter(|n| in_state(ops[*n])).collect();
            let declared: Vec<usize> = (0..ops.len()).filter(|n| in_program(ops[*n])).collect();
            for before in subsets(&pairs(&stated)) {
                // Programs that turn dependencies around or change several at once are covered by three resources.
                for after in subsets(&pairs(&declared)) {
                    let world = World { ops: ops.clone(), before: before.clone(), after, names: BTreeSet::new() };
                    let too_many = size == 4 && world.changed() > 1;
                    if too_many || !world.is_connected() || !world.is_first_of_its_kind(&numberings) {
                        continue;
                    }
                    if let Err(why) = world.check() {
                        panic!("{why}: {:?}, before {:?}, after {:?}", world.ops, world.before, world.after);
                    }
                    worlds += 1;
                }
            }
        }
    }
    assert!(worlds > 40_000, "only {worlds} were looked at");
}

#[test]
fn turned_dependencies_have_an_order_too() {
    for choice in 0..5usize.pow(3) {
        let ops: Vec<Op> = (0..3).map(|n| OPS[choice / 5usize.pow(n) % 5]).collect();
        let stated: Vec<usize> = (0..3).filter(|n| in_state(ops[*n])).collect();
        let declared: Vec<usize> = (0..3).filter(|n| in_program(ops[*n])).collect();
        for before in subsets(&pairs(&stated)) {
            for after in subsets(&pairs(&declared)) {
                let after = after.into_iter().map(|(of, on)| (on, of)).collect();
                let world = World { ops: ops.clone(), before: before.clone(), after, names: BTreeSet::new() };
                if let Err(why) = world.check() {
                    panic!("{why}: {:?}, before {:?}, after {:?}", world.ops, world.before, world.after);
                }
            }
        }
    }
}

/// Every way in which names go from objects that are deleted to others that are made or renamed, each at most once.
fn handovers(ops: &[Op]) -> Vec<BTreeSet<(usize, usize)>> {
    let gives = |n: usize| matches!(ops[n], Op::Delete | Op::Replace { .. });
    let mut all = vec![BTreeSet::new()];
    for to in (0..ops.len()).filter(|n| in_program(ops[*n])) {
        let more: Vec<_> = all
            .iter()
            .flat_map(|names: &BTreeSet<(usize, usize)>| {
                let free = (0..ops.len()).filter(|from| *from != to && gives(*from));
                let free = free.filter(|from| names.iter().all(|(_, taken)| taken != from));
                free.map(|from| names.iter().copied().chain([(to, from)]).collect()).collect::<Vec<_>>()
            })
            .collect();
        all.extend(more);
    }
    all
}

#[test]
fn every_plan_of_three_resources_that_hand_names_over_has_an_order() {
    for choice in 0..5usize.pow(3) {
        let ops: Vec<Op> = (0..3).map(|n| OPS[choice / 5usize.pow(n) % 5]).collect();
        let stated: Vec<usize> = (0..3).filter(|n| in_state(ops[*n])).collect();
        let declared: Vec<usize> = (0..3).filter(|n| in_program(ops[*n])).collect();
        for names in handovers(&ops).into_iter().filter(|names| !names.is_empty()) {
            for before in subsets(&pairs(&stated)) {
                for after in subsets(&pairs(&declared)) {
                    let world = World { ops: ops.clone(), before: before.clone(), after, names: names.clone() };
                    if let Err(why) = world.check() {
                        panic!("{why}: {:?}, before {:?}, after {:?}, {names:?}", world.ops, world.before, world.after);
                    }
                }
            }
        }
    }
}
