//! The ready queue: tasks whose predecessors are done, heaviest chain first.

use crate::plan::schedule::{Order, Task};
use petgraph::{Direction, algo::toposort, graph::NodeIndex};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Ready,
    Taken,
    Done,
    Dropped,
}

/// What decides whether a ready task may start. Tasks of one lane start or wait together, so that a lane that waits costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane<'a> {
    /// The limit of its provider.
    Provider(&'a str),
    /// Its turn in a rollout: rollout and member.
    Turn((usize, usize)),
}

/// Which tasks may start, and which next.
pub(crate) struct Queue {
    /// The ready tasks of each lane, heaviest chain first.
    ready: Vec<BTreeSet<(Reverse<u64>, NodeIndex)>>,
    lane: Vec<u32>,
    waits: Vec<u32>,
    weight: Vec<u64>,
    stage: Vec<Stage>,
}

impl Queue {
    /// A queue over an order; `usual_ms` says how long a task is expected to take.
    pub(crate) fn new<'l>(order: &Order, usual_ms: impl Fn(Task) -> u64, lane: impl Fn(NodeIndex) -> Lane<'l>) -> Self {
        let mut weight = vec![0u64; order.node_count()];
        for node in toposort(order, None).unwrap_or_default().into_iter().rev() {
            let after = order.neighbors(node).map(|next| weight[next.index()]).max().unwrap_or(0);
            weight[node.index()] = after + usual_ms(order[node]);
        }
        let mut lanes: BTreeMap<Lane<'l>, u32> = BTreeMap::new();
        let mut number = |node| {
            let next = u32::try_from(lanes.len()).unwrap_or(u32::MAX);
            *lanes.entry(lane(node)).or_insert(next)
        };
        let lane: Vec<u32> = order.node_indices().map(&mut number).collect();
        let waits: Vec<u32> = order.node_indices().map(|n| count(order, n)).collect();
        let stage = vec![Stage::Waiting; waits.len()];
        let mut queue = Self { ready: vec![BTreeSet::new(); lanes.len()], lane, waits, weight, stage };
        for node in order.node_indices() {
            queue.make_ready(node);
        }
        queue
    }

    fn make_ready(&mut self, node: NodeIndex) {
        let at = node.index();
        if self.waits[at] == 0 && self.stage[at] == Stage::Waiting {
            self.stage[at] = Stage::Ready;
            self.ready[self.lane[at] as usize].insert((Reverse(self.weight[at]), node));
        }
    }

    /// Takes the heaviest ready task whose lane may go; `admits` is asked about one task of each lane.
    pub(crate) fn pop(&mut self, admits: impl Fn(NodeIndex) -> bool) -> Option<NodeIndex> {
        let heads = self.ready.iter().filter_map(|lane| lane.first().copied());
        let (weight, node) = heads.filter(|(_, node)| admits(*node)).min()?;
        self.ready[self.lane[node.index()] as usize].remove(&(weight, node));
        self.stage[node.index()] = Stage::Taken;
        Some(node)
    }

    /// One task of each lane that could start.
    pub(crate) fn heads(&self) -> impl Iterator<Item = NodeIndex> + '_ {
        self.ready.iter().filter_map(|lane| lane.first()).map(|(_, node)| *node)
    }

    /// How long the heaviest chain from a task on is expected to take.
    pub(crate) fn weight(&self, node: NodeIndex) -> u64 {
        self.weight[node.index()]
    }

    /// Ends a task.
    pub(crate) fn complete(&mut self, order: &Order, node: NodeIndex) {
        self.stage[node.index()] = Stage::Done;
        for next in order.neighbors_directed(node, Direction::Outgoing) {
            self.waits[next.index()] -= 1;
            self.make_ready(next);
        }
    }

    /// Gives up a task and everything that waits for it; returns the latter.
    pub(crate) fn drop_after(&mut self, order: &Order, node: NodeIndex) -> Vec<NodeIndex> {
        self.stage[node.index()] = Stage::Done;
        let (mut open, mut dropped) = (vec![node], Vec::new());
        while let Some(node) = open.pop() {
            for next in order.neighbors_directed(node, Direction::Outgoing) {
                if matches!(self.stage[next.index()], Stage::Waiting | Stage::Ready) {
                    let lane = self.lane[next.index()] as usize;
                    self.ready[lane].remove(&(Reverse(self.weight[next.index()]), next));
                    self.stage[next.index()] = Stage::Dropped;
                    dropped.push(next);
                    open.push(next);
                }
            }
        }
        dropped
    }

    /// The tasks that were never started and not given up either.
    pub(crate) fn left(&self) -> impl Iterator<Item = NodeIndex> + '_ {
        let stages = self.stage.iter().enumerate();
        stages.filter(|(_, stage)| matches!(stage, Stage::Waiting | Stage::Ready)).map(|(at, _)| NodeIndex::new(at))
    }
}

fn count(order: &Order, node: NodeIndex) -> u32 {
    u32::try_from(order.neighbors_directed(node, Direction::Incoming).count()).unwrap_or(u32::MAX)
}
