//! Small worlds, all of them: every graph of up to four resources, up to renumbering, with every operation on each of its resources.

use crate::{
    case::{Case, Command, Job},
    cloud::Habit,
    faults::Side,
    program::{Item, Program},
    scenarios::Scenario,
};
use std::collections::BTreeSet;

/// How many resources a small world has at most.
pub const RESOURCES_MAX: usize = 4;

/// The edges of a graph: who needs whom, by number.
type Edges = BTreeSet<(usize, usize)>;

/// What happens to one resource.
#[derive(Debug, Clone, Copy)]
enum Operation {
    Create,
    Update(usize),
    Replace(usize),
    Rename(usize),
    Remove(usize),
    Destroy,
}

/// Every graph without a circle of `count` resources, up to renumbering.
fn graphs(count: usize) -> Vec<Edges> {
    let pairs: Vec<(usize, usize)> = (0..count).flat_map(|to| (0..to).map(move |from| (to, from))).collect();
    let mut seen: BTreeSet<Vec<(usize, usize)>> = BTreeSet::new();
    let mut graphs = Vec::new();
    for bits in 0..1u32 << pairs.len() {
        let edges: Edges =
            pairs.iter().enumerate().filter(|(at, _)| bits & (1 << at) != 0).map(|(_, pair)| *pair).collect();
        if seen.insert(canonical(count, &edges)) {
            graphs.push(edges);
        }
    }
    graphs
}

/// The smallest of a graph's renumberings.
fn canonical(count: usize, edges: &Edges) -> Vec<(usize, usize)> {
    let renumbered = |order: &Vec<usize>| {
        let mut all: Vec<(usize, usize)> = edges.iter().map(|(to, from)| (order[*to], order[*from])).collect();
        all.sort_unstable();
        all
    };
    orders(count).iter().map(renumbered).min().unwrap_or_default()
}

fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(count - 1);
    let insert = |order: &Vec<usize>, at: usize| {
        let mut order = order.clone();
        order.insert(at, count - 1);
        order
    };
    shorter.iter().flat_map(|order| (0..count).map(move |at| insert(order, at))).collect()
}

fn program(count: usize, edges: &Edges, habit: Habit) -> Program {
    let needs = |number: usize| edges.iter().filter(|(to, _)| *to == number).map(|(_, from)| *from).collect::<Vec<_>>();
    Program::of((0..count).map(|number| Item::new(habit, 0).shaped(0).needing(&needs(number))))
}

fn changed(program: &Program, operation: Operation) -> Program {
    let mut next = program.clone();
    let mut edit = |number: usize, edit: fn(&mut Item)| next.0.get_mut(&number).map(edit);
    match operation {
        Operation::Create => {}
        Operation::Update(number) => drop(edit(number, |item| item.value += 1)),
        Operation::Replace(number) => drop(edit(number, |item| item.shape = Some(1))),
        Operation::Rename(number) => drop(edit(number, |item| item.renamed += 1)),
        Operation::Remove(number) => drop(next.0.remove(&number)),
        Operation::Destroy => next.0.clear(),
    }
    next.mend();
    next
}

fn operations(count: usize) -> Vec<Operation> {
    let each = (0..count).flat_map(|number| {
        [Operation::Update(number), Operation::Replace(number), Operation::Rename(number), Operation::Remove(number)]
    });
    [Operation::Create, Operation::Destroy].into_iter().chain(each).collect()
}

/// A world: what is brought up first, and what happens then. The number of jobs before the operation is 1, or 0 for a create.
fn world(count: usize, edges: &Edges, habit: Habit, operation: Operation) -> (Scenario, usize) {
    let first = program(count, edges, habit);
    let second = changed(&first, operation);
    let job = |version| Job::new(Command::Up, version);
    let is_create = matches!(operation, Operation::Create);
    let (programs, jobs) =
        if is_create { (vec![first], vec![job(0)]) } else { (vec![first, second], vec![job(0), job(1)]) };
    let case = Case { programs, writers: vec![jobs], ..Case::quiet(1, Program::default()) };
    (Scenario { name: "small world", case, sides: &[Side::Before, Side::After] }, usize::from(!is_create))
}

/// Every small world, with the number of its jobs that come before the operation.
pub fn all() -> Vec<(Scenario, usize)> {
    let mut worlds = Vec::new();
    for count in 1..=RESOURCES_MAX {
        for edges in graphs(count) {
            for habit in [Habit::Tags, Habit::Name] {
                let make = |operation| world(count, &edges, habit, operation);
                worlds.extend(operations(count).into_iter().map(make));
            }
        }
    }
    worlds
}

/// The same world, up to the operation.
pub fn before(scenario: &Scenario, jobs: usize) -> Case {
    let writers = scenario.case.writers.iter().map(|writer| writer[..jobs].to_vec()).collect();
    Case { writers, ..scenario.case.clone() }
}

#[cfg(test)]
mod tests {
    use super::graphs;

    #[test]
    fn every_graph_once() {
        // The numbers of unlabelled acyclic digraphs: https://oeis.org/A003087
        assert_eq!((1..=4).map(|count| graphs(count).len()).collect::<Vec<_>>(), [1, 2, 6, 31]);
    }
}
