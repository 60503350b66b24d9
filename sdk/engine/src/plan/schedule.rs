//! The order of steps: one graph of creates, updates and deletes, without phases.
//!
//! | edge | because |
//! |---|---|
//! | make y -> make x, for x that depends on y in the program | x reads what y tells |
//! | remove x -> remove y, for x that depended on y in state | nothing may use what is gone |
//! | make x -> remove y, for x that stays and depended on y in state | x must let go of y first |
//! | make x -> remove old x, create first | the new object takes over before the old one goes |
//! | remove old x -> make x, delete first | both can't exist at once |
//! | remove y -> make x, for x that gets the physical name of y | two objects can't have it at once |
//! | remove y -> forget x, for x that is deleted with y | the delete of y takes x along, and x need not be deleted |
//! | make y -> remove old x, for x that depends on y and only may be replaced, delete first | y tells whether x is replaced at all |
//!
//! The third edge is left out where y is deleted first: its dependents can't let go before the new y is there. Where create-first and
//! delete-first replacements would wait for each other in a circle, or names that go from one to the other, the create-first ones become
//! delete-first; where a circle is left, its third and last edges go. The first two edges alone never make a circle, since neither program nor
//! state has one, and from a make to a remove there is no other firm edge than that of a create-first replacement.

use petgraph::{
    algo::tarjan_scc,
    graph::{DiGraph, EdgeIndex, NodeIndex},
    visit::EdgeRef,
};
use rustc_hash::FxHashMap;
use std::collections::HashSet;
use terrane_core::{
    OpId, State, Urn,
    plan::{Op, Step},
};

/// Which half of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Create, import, update, the new half of a replacement; also a step that does nothing.
    Make,
    /// Delete, forget, the old half of a replacement.
    Remove,
}

/// A node of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Task {
    /// The position of the step in the plan.
    pub step: usize,
    pub part: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    /// Never left out.
    Firm,
    /// Left out when it would close a circle.
    LetGo,
    /// Left out when it would close a circle, and no reason to turn a replacement around.
    Learn,
}

pub(crate) type Order = DiGraph<Task, Edge, u32>;

/// The order of a plan's steps.
pub(crate) fn order(steps: &[Step], state: &State) -> Order {
    let mut order = Builder::new(steps).build(state);
    // What is only better to know goes first, so that nobody loses what they use for it.
    for class in [Edge::Learn, Edge::LetGo] {
        let knots = knots(&order);
        let inside = knots.iter().flat_map(|knot| within(&order, knot));
        let loose: HashSet<EdgeIndex> = inside.filter(|edge| order[*edge] == class).collect();
        if !loose.is_empty() {
            order.retain_edges(|_, edge| !loose.contains(&edge));
        }
    }
    order
}

/// Turns create-first replacements into delete-first ones where the order demands it.
pub(crate) fn settle_orders(steps: &mut [Step], state: &State) {
    let goes_first = |step: &Step| step.op == Op::Replace { delete_first: true } || !step.displaces.is_empty();
    while steps.iter().any(goes_first) {
        let mut order = Builder::new(steps).build(state);
        order.retain_edges(|order, edge| order[edge] != Edge::Learn);
        let mut turned = false;
        for task in knots(&order).into_iter().flatten() {
            let op = &mut steps[order[task].step].op;
            if *op == (Op::Replace { delete_first: false }) {
                *op = Op::Replace { delete_first: true };
                turned = true;
            }
        }
        if !turned {
            return;
        }
    }
}

fn knots(order: &Order) -> Vec<Vec<NodeIndex>> {
    tarjan_scc(order).into_iter().filter(|knot| knot.len() > 1).collect()
}

/// The edges inside a knot.
fn within(order: &Order, knot: &[NodeIndex]) -> Vec<EdgeIndex> {
    let members: HashSet<NodeIndex> = knot.iter().copied().collect();
    let edges = knot.iter().flat_map(|node| order.edges(*node));
    edges.filter(|edge| members.contains(&edge.target())).map(|edge| edge.id()).collect()
}

struct Builder<'a> {
    steps: &'a [Step],
    order: Order,
    make: FxHashMap<&'a Urn, NodeIndex>,
    remove: FxHashMap<&'a OpId, NodeIndex>,
    removes_of: FxHashMap<&'a Urn, Vec<NodeIndex>>,
    /// Former names, as state still has them, and what they are called now.
    renamed: FxHashMap<&'a Urn, &'a Urn>,
}

impl<'a> Builder<'a> {
    fn new(steps: &'a [Step]) -> Self {
        let order = Order::with_capacity(steps.len(), steps.len());
        let (make, remove, removes_of) = (FxHashMap::default(), FxHashMap::default(), FxHashMap::default());
        let renamed = steps.iter().filter_map(|step| Some((step.moved_from.as_ref()?, &step.urn))).collect();
        let mut builder = Self { steps, order, make, remove, removes_of, renamed };
        for (position, step) in steps.iter().enumerate() {
            builder.tasks(position, step);
        }
        builder
    }

    fn tasks(&mut self, position: usize, step: &'a Step) {
        let removes = matches!(step.op, Op::Delete | Op::Forget | Op::Replace { .. });
        let makes = !matches!(step.op, Op::Delete | Op::Forget);
        let make = makes.then(|| self.order.add_node(Task { step: position, part: Part::Make }));
        let remove = removes.then(|| self.order.add_node(Task { step: position, part: Part::Remove }));
        if let Some(make) = make {
            self.make.insert(&step.urn, make);
        }
        if let (Some(remove), Some(target)) = (remove, &step.target) {
            self.remove.insert(target, remove);
            self.removes_of.entry(&step.urn).or_default().push(remove);
        }
        if let (Some(make), Some(remove)) = (make, remove) {
            let delete_first = step.op == Op::Replace { delete_first: true };
            let (first, second) = if delete_first { (remove, make) } else { (make, remove) };
            self.order.add_edge(first, second, Edge::Firm);
        }
    }

    fn build(mut self, state: &State) -> Order {
        for step in self.steps {
            let Some(&make) = self.make.get(&step.urn).filter(|_| !matches!(step.op, Op::Delete | Op::Forget)) else {
                continue;
            };
            let learns = step.uncertain && step.op == Op::Replace { delete_first: true };
            let remove = step.target.as_ref().filter(|_| learns).and_then(|target| self.remove.get(target)).copied();
            for displaced in &step.displaces {
                if let Some(&remove) = self.remove.get(displaced) {
                    self.order.add_edge(remove, make, Edge::Firm);
                }
            }
            for dependency in &step.dependencies {
                if let Some(&needed) = self.make.get(dependency) {
                    self.order.add_edge(needed, make, Edge::Firm);
                    if let Some(remove) = remove {
                        self.order.add_edge(needed, remove, Edge::Learn);
                    }
                }
            }
        }
        if !self.remove.is_empty() {
            for instance in state.instances() {
                let container = instance.kept.deleted_with.as_ref();
                for dependency in instance.dependencies.iter().filter(|urn| Some(*urn) != container) {
                    self.release(&instance.urn, &instance.op, dependency);
                }
                if let Some(container) = container {
                    self.take_along(&instance.op, container);
                }
            }
        }
        self.order
    }

    fn now<'u>(&self, urn: &'u Urn) -> &'u Urn
    where
        'a: 'u,
    {
        self.renamed.get(urn).copied().unwrap_or(urn)
    }

    /// The edges for one object that depended on another in state.
    fn release(&mut self, urn: &Urn, op: &OpId, dependency: &Urn) {
        let (urn, dependency) = (self.now(urn), self.now(dependency));
        let Some(removes) = self.removes_of.get(dependency) else { return };
        let own = self.remove.get(op).copied();
        let stays =
            self.make.get(urn).copied().filter(|make| self.steps[self.order[*make].step].target.as_ref() == Some(op));
        for &remove in removes {
            if let Some(own) = own {
                self.order.add_edge(own, remove, Edge::Firm);
            }
            let delete_first = self.steps[self.order[remove].step].op == Op::Replace { delete_first: true };
            if let Some(make) = stays
                && !delete_first
            {
                self.order.add_edge(make, remove, Edge::LetGo);
            }
        }
    }

    /// The edges for one object that goes when its container is deleted. Where they can't be, it is deleted like any other.
    fn take_along(&mut self, op: &OpId, container: &Urn) {
        let removes = self.removes_of.get(self.now(container)).into_iter().flatten();
        if let Some(&own) = self.remove.get(op) {
            for &remove in removes {
                self.order.add_edge(remove, own, Edge::Learn);
            }
        }
    }
}

#[cfg(test)]
mod tests;
