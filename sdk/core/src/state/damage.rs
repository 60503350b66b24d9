//! What is wrong with a state that can be read: things that no run leaves behind, yet a file that somebody edited or an old fault may hold.

use super::{OpId, State};
use crate::Urn;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// One thing that is wrong with a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// An object under another resource's URN.
    #[error("under {key} stands the object of {urn}")]
    Misplaced {
        /// Where it stands.
        key: Urn,
        /// What it says of itself.
        urn: Urn,
    },
    /// A resource of another stack.
    #[error("{urn} belongs to another stack")]
    Foreign {
        /// The resource.
        urn: Urn,
    },
    /// An edge to nothing.
    #[error("{urn} depends on {on}, which is not in the state")]
    Dangling {
        /// The resource.
        urn: Urn,
        /// What it is said to depend on.
        on: Urn,
    },
    /// Resources that wait for each other.
    #[error("{} resources depend on each other in a circle, {} among them", .number, .urn)]
    Circle {
        /// One of them.
        urn: Urn,
        /// How many they are, with all that depend on them.
        number: usize,
    },
    /// A provider that the state doesn't know.
    #[error("{urn} belongs to provider {key}, of which the state has no settings")]
    NoProvider {
        /// The resource.
        urn: Urn,
        /// The provider's key.
        key: String,
    },
    /// Two resources that claim one object.
    #[error("{urn} and {other} claim the same object ({op})")]
    SameObject {
        /// One resource.
        urn: Urn,
        /// The other.
        other: Urn,
        /// The operation that made the object.
        op: OpId,
    },
}

impl Damage {
    /// Whether [`State::mended`] takes it away without losing anything.
    pub fn is_mendable(&self) -> bool {
        matches!(self, Self::Dangling { .. })
    }
}

impl State {
    /// All that is wrong with the state of a stack; nothing in a state that only runs have written.
    pub fn damage(&self, project: &str, stack: &str) -> Vec<Damage> {
        let mut found = Vec::new();
        for (key, instance) in self.live.iter().filter(|(key, instance)| **key != instance.urn) {
            found.push(Damage::Misplaced { key: key.clone(), urn: instance.urn.clone() });
        }
        let mut made = HashMap::<&OpId, &Urn>::new();
        let known: BTreeSet<&Urn> = self.instances().map(|instance| &instance.urn).collect();
        for instance in self.instances() {
            let urn = instance.urn.clone();
            if !urn.is_of(stack, project) {
                found.push(Damage::Foreign { urn: urn.clone() });
            }
            if !self.providers.contains_key(&instance.provider) {
                found.push(Damage::NoProvider { urn: urn.clone(), key: instance.provider.clone() });
            }
            if let Some(other) = made.insert(&instance.op, &instance.urn) {
                found.push(Damage::SameObject { urn: urn.clone(), other: other.clone(), op: instance.op.clone() });
            }
            let gone = instance.dependencies.iter().filter(|on| !known.contains(on));
            found.extend(gone.map(|on| Damage::Dangling { urn: urn.clone(), on: on.clone() }));
        }
        found.extend(self.circle());
        found
    }

    /// The same state without what [`Damage::is_mendable`] says can go.
    #[must_use]
    pub fn mended(&self) -> Self {
        let mut mended = self.clone();
        let known: BTreeSet<&Urn> = self.instances().map(|instance| &instance.urn).collect();
        for instance in mended.live.values_mut().chain(mended.condemned.values_mut()) {
            if instance.dependencies.iter().any(|on| !known.contains(on)) {
                Arc::make_mut(instance).dependencies.retain(|on| known.contains(on));
            }
        }
        mended
    }

    /// Takes resources away that depend on nothing that is left, until none is; what stays then is a circle and what hangs on it. Without
    /// recursion: a chain may be as long as the state.
    fn circle(&self) -> Option<Damage> {
        let live = |urn: &&Urn| self.live.contains_key(urn);
        let mut open: BTreeMap<&Urn, usize> = BTreeMap::new();
        let mut needed_by: BTreeMap<&Urn, Vec<&Urn>> = BTreeMap::new();
        for (urn, instance) in &self.live {
            open.insert(urn, instance.dependencies.iter().filter(live).count());
            for on in instance.dependencies.iter().filter(live) {
                needed_by.entry(on).or_default().push(urn);
            }
        }
        let mut free: Vec<&Urn> = open.iter().filter(|(_, needs)| **needs == 0).map(|(urn, _)| *urn).collect();
        while let Some(urn) = free.pop() {
            open.remove(urn);
            for dependent in needed_by.remove(urn).unwrap_or_default() {
                if let Some(needs) = open.get_mut(dependent) {
                    *needs -= 1;
                    if *needs == 0 {
                        free.push(dependent);
                    }
                }
            }
        }
        open.keys().next().map(|urn| Damage::Circle { urn: (*urn).clone(), number: open.len() })
    }
}
