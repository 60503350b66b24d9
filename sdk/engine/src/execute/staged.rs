//! Calls whose intents are durable and that wait for a place, heaviest chain first.
//!
//! Intents are written ahead of their calls, so that a place that becomes free is taken at once and not after a write to a journal far away.

use super::task::Begun;
use petgraph::graph::NodeIndex;
use std::{cmp::Reverse, collections::BTreeMap};

/// The calls that may start.
#[derive(Default)]
pub(super) struct Staged(BTreeMap<(Reverse<u64>, NodeIndex), Begun>);

impl Staged {
    pub(super) fn put(&mut self, weight: u64, begun: Begun) {
        self.0.insert((Reverse(weight), begun.task), begun);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes the heaviest call whose provider may be called.
    pub(super) fn take(&mut self, admits: impl Fn(NodeIndex) -> bool) -> Option<Begun> {
        let key = self.0.keys().find(|(_, task)| admits(*task)).copied()?;
        self.0.remove(&key)
    }

    /// Takes all of them.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = Begun> + use<> {
        std::mem::take(&mut self.0).into_values()
    }
}
