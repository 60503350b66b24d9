//! Moves of resources between stacks: a prepared record in the source, an adopting one in the target, and one in each that ends it. At every
//! moment exactly one of the two stacks may work on the resources.

use super::{Corrupt, HISTORY_MAX, Lineage, OpId, State};
use crate::{Properties, Urn};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A move that has begun, as one of its two stacks knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// Resources go to another stack, which may have them already.
    Leaving {
        /// The other stack.
        to: String,
        /// The resources by their URNs here, with their URNs there.
        urns: BTreeMap<Urn, Urn>,
        /// Whether the stack gets another name: history and exports go along.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        whole: bool,
    },
    /// Resources have come from another stack, which may not have forgotten them yet.
    Arrived {
        /// The other stack.
        from: String,
    },
    /// Everything has gone to another stack. What is left says so to whoever still uses this name, until it is removed.
    Renamed {
        /// The name that the stack has now.
        to: String,
    },
}

impl State {
    /// What another stack is to be given in a move: the resources under their new URNs, their replaced objects, and their providers. An edge
    /// to a resource that stays behind is dropped.
    pub fn departing(&self, urns: &BTreeMap<Urn, Urn>) -> Self {
        let mut part = Self {
            live: self
                .live
                .iter()
                .filter(|(urn, _)| urns.contains_key(urn))
                .map(|(u, i)| (u.clone(), i.clone()))
                .collect(),
            condemned: self.condemned.clone(),
            ..Self::new(Lineage::default())
        };
        part.condemned.retain(|_, instance| urns.contains_key(&instance.urn));
        let used: BTreeSet<&String> = part.instances().map(|instance| &instance.provider).collect();
        let providers = self.providers.iter().filter(|(key, _)| used.contains(key));
        part.providers = providers.map(|(key, provider)| (key.clone(), provider.clone())).collect();
        part.map_urns(&|urn| urns.get(urn).cloned());
        part
    }

    /// What a stack of another name is to be given: [`State::departing`] of everything, with history, exports and what was learnt.
    pub fn departing_whole(&self, urns: &BTreeMap<Urn, Urn>) -> Self {
        let (exports, mut runs, took_ms) = (self.exports.clone(), self.runs.clone(), self.took_ms.clone());
        // The move itself, which the other stack has in its own history.
        runs.pop_if(|run| run.end.is_none());
        let generation = self.generation;
        Self { exports, runs, took_ms, generation, ..self.departing(urns) }
    }

    /// Gives every resource another URN. Where there is none for a URN that an edge names, the edge is dropped.
    pub fn map_urns(&mut self, new: &dyn Fn(&Urn) -> Option<Urn>) {
        let of = |urn: &Urn| new(urn).unwrap_or_else(|| urn.clone());
        for instance in self.live.values_mut().chain(self.condemned.values_mut()) {
            let instance = Arc::make_mut(instance);
            instance.urn = of(&instance.urn);
            instance.dependencies = instance.dependencies.iter().filter_map(new).collect();
            instance.kept.deleted_with = instance.kept.deleted_with.as_ref().and_then(new);
        }
        for intent in self.pending.values_mut() {
            intent.urn = of(&intent.urn);
            intent.dependencies = intent.dependencies.iter().filter_map(new).collect();
            intent.kept.deleted_with = intent.kept.deleted_with.as_ref().and_then(new);
        }
        self.live = std::mem::take(&mut self.live).into_values().map(|it| (it.urn.clone(), it)).collect();
    }

    pub(super) fn prepare_move(
        &mut self,
        op: &OpId,
        generation: u64,
        urns: &BTreeMap<Urn, Urn>,
    ) -> Result<(), Corrupt> {
        if self.moves.contains_key(op) {
            return Err(Corrupt::Twice(op.clone()));
        }
        if generation <= self.generation {
            return Err(Corrupt::OldGeneration { op: op.clone(), drawn: generation, counter: self.generation });
        }
        let condemned: BTreeSet<&Urn> = self.condemned.values().map(|instance| &instance.urn).collect();
        let missing = urns.keys().find(|urn| !self.live.contains_key(urn) && !condemned.contains(urn));
        missing.map_or(Ok(()), |urn| Err(Corrupt::NoObject(urn.clone())))?;
        let busy = urns.keys().find(|urn| self.is_busy(urn));
        busy.map_or(Ok(()), |urn| Err(Corrupt::Busy(urn.clone())))?;
        self.generation = generation;
        Ok(())
    }

    /// Whether an operation on a resource, or a move of it, has begun and not ended.
    pub fn is_busy(&self, urn: &Urn) -> bool {
        self.is_leaving(urn) || self.pending.values().any(|intent| intent.urn == *urn)
    }

    pub(super) fn is_leaving(&self, urn: &Urn) -> bool {
        self.moves.values().any(|it| matches!(it, Move::Leaving { urns, .. } if urns.contains_key(urn)))
    }

    pub(super) fn arrive(&mut self, op: &OpId, from: &str, state: &Self) -> Result<(), Corrupt> {
        if self.moves.contains_key(op) {
            return Err(Corrupt::Twice(op.clone()));
        }
        let taken = state.live.keys().find(|urn| self.live.contains_key(urn));
        taken.map_or(Ok(()), |urn| Err(Corrupt::Exists(urn.clone())))?;
        let known: BTreeSet<&OpId> = self.instances().map(|instance| &instance.op).collect();
        let twin = state.instances().find(|instance| known.contains(&instance.op));
        twin.map_or(Ok(()), |instance| Err(Corrupt::Exists(instance.urn.clone())))?;
        // The end of what has begun with one of its own would be taken for one of the object that came.
        let busy = state.instances().find(|instance| self.is_busy(&instance.urn));
        busy.map_or(Ok(()), |instance| Err(Corrupt::Busy(instance.urn.clone())))?;
        self.live.extend(state.live.clone());
        self.condemned.extend(state.condemned.clone());
        self.providers.extend(state.providers.clone());
        for (key, took_ms) in &state.took_ms {
            self.took_ms.entry(key.clone()).or_insert(*took_ms);
        }
        if self.exports.is_empty() {
            self.exports = state.exports.clone();
        }
        self.runs.splice(0..0, state.runs.iter().cloned());
        let surplus = self.runs.len().saturating_sub(HISTORY_MAX);
        self.runs.drain(..surplus);
        self.generation = self.generation.max(state.generation);
        self.moves.insert(op.clone(), Move::Arrived { from: from.to_owned() });
        Ok(())
    }

    /// Takes out a move that is open.
    pub(super) fn end_move(&mut self, op: &OpId) -> Result<Move, Corrupt> {
        match self.moves.get(op) {
            None | Some(Move::Renamed { .. }) => None,
            Some(_) => self.moves.remove(op),
        }
        .ok_or_else(|| Corrupt::NoIntent(op.clone()))
    }

    pub(super) fn settle(&mut self, op: &OpId) -> Result<(), Corrupt> {
        if let Move::Leaving { to, urns, whole } = self.end_move(op)? {
            if whole {
                self.exports = Properties::default();
                self.moves.insert(op.clone(), Move::Renamed { to });
            }
            self.live.retain(|urn, _| !urns.contains_key(urn));
            self.condemned.retain(|_, instance| !urns.contains_key(&instance.urn));
            let all = self.live.values_mut().chain(self.condemned.values_mut());
            for instance in all.filter(|instance| instance.dependencies.iter().any(|urn| urns.contains_key(urn))) {
                Arc::make_mut(instance).dependencies.retain(|urn| !urns.contains_key(urn));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Action, Done, Intent, ProviderRecord, Record};

    fn urn(stack: &str, name: &str) -> Urn {
        Urn::new(stack, "shop", "", "demo:Thing", name)
    }

    fn made(state: &mut State, name: &str, dependencies: &[Urn]) {
        for record in begun(state, &urn("dev", name), dependencies) {
            state.apply(&record).unwrap();
        }
    }

    /// What a create writes: its provider, its intent, its end.
    fn begun(state: &State, urn: &Urn, dependencies: &[Urn]) -> [Record; 3] {
        let generation = state.generation + 1;
        let op = OpId::mint(&state.lineage, urn, generation);
        let key = "demo".to_owned();
        let provider = ProviderRecord { name: key.clone(), settings: serde_json::Map::new() };
        let intent: Intent = serde_json::from_value(serde_json::json!({
            "op": op, "generation": generation, "urn": urn, "action": Action::Create, "provider": key,
            "dependencies": dependencies, "at_ms": 0,
        }))
        .unwrap();
        let done = Done { op, outputs: Default::default(), unsettled: false, at_ms: 0 };
        [Record::Provider { key, provider }, Record::Intent(intent), Record::Done(done)]
    }

    #[test]
    fn a_move_leaves_each_resource_in_exactly_one_state() {
        let mut source = State::new(Lineage::new("one"));
        made(&mut source, "a", &[]);
        made(&mut source, "b", &[urn("dev", "a")]);
        made(&mut source, "c", &[urn("dev", "b")]);
        let before = source.clone();
        let urns: BTreeMap<Urn, Urn> = [(urn("dev", "b"), urn("prod", "b"))].into();
        let op = OpId::mint(&source.lineage, &urn("dev", "b"), 4);
        let leaving =
            Record::Leaving { op: op.clone(), generation: 4, to: "prod".to_owned(), urns: urns.clone(), whole: false };
        source.apply(&leaving).unwrap();
        assert_eq!(source.live, before.live);
        assert_eq!(source.apply(&leaving), Err(Corrupt::Twice(op.clone())));

        let mut target = State::new(Lineage::new("two"));
        let state = Box::new(source.departing(&urns));
        let arrived = Record::Arrived { op: op.clone(), from: "dev".to_owned(), state };
        target.apply(&arrived).unwrap();
        assert_eq!(target.apply(&arrived), Err(Corrupt::Twice(op.clone())));
        let mut busy = State::new(Lineage::new("three"));
        let create = begun(&busy, &urn("prod", "b"), &[]);
        create[..2].iter().for_each(|record| busy.apply(record).unwrap());
        assert_eq!(busy.apply(&arrived), Err(Corrupt::Busy(urn("prod", "b"))));
        for state in [&mut source, &mut target] {
            state.apply(&Record::Settled { op: op.clone() }).unwrap();
        }
        assert_eq!(source.live.keys().map(Urn::name).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(target.live.keys().collect::<Vec<_>>(), [&urn("prod", "b")]);
        assert_eq!(target.live[&urn("prod", "b")].op, before.live[&urn("dev", "b")].op, "the object is the same");
        assert!(source.damage("shop", "dev").is_empty() && target.damage("shop", "prod").is_empty());
        assert!(source.generation > before.generation, "the move's id is never used again");
    }

    #[test]
    fn a_stack_that_went_as_a_whole_says_where() {
        let mut source = State::new(Lineage::new("one"));
        made(&mut source, "a", &[]);
        let op = OpId::mint(&source.lineage, &urn("dev", "a"), 2);
        let urns = [(urn("dev", "a"), urn("live", "a"))].into();
        let to = "live".to_owned();
        source.apply(&Record::Leaving { op: op.clone(), generation: 2, to, urns, whole: true }).unwrap();
        assert_eq!((source.renamed_to(), source.next_name(), source.is_cut_off()), (None, Some("live"), true));
        source.apply(&Record::Settled { op: op.clone() }).unwrap();
        assert_eq!((source.renamed_to(), source.next_name(), source.is_cut_off()), (Some("live"), Some("live"), false));
        assert!(source.live.is_empty());
        for again in [Record::Settled { op: op.clone() }, Record::Stayed { op: op.clone() }] {
            assert_eq!(source.apply(&again), Err(Corrupt::NoIntent(op.clone())), "it stays until the stack is removed");
        }
        let written = serde_json::to_value(&source).unwrap();
        assert_eq!(serde_json::from_value::<State>(written).unwrap(), source);
    }

    #[test]
    fn what_is_wrong_with_a_state_is_found_and_only_dangling_edges_are_taken_away() {
        let mut state = State::new(Lineage::new("one"));
        made(&mut state, "a", &[urn("dev", "gone")]);
        let found: Vec<String> = state.damage("shop", "dev").iter().map(ToString::to_string).collect();
        assert_eq!(found, ["dev/shop/demo:Thing/a depends on dev/shop/demo:Thing/gone, which is not in the state"]);
        assert!(state.mended().damage("shop", "dev").is_empty());
        made(&mut state, "b", &[urn("dev", "c")]);
        made(&mut state, "c", &[urn("dev", "b")]);
        state.providers.clear();
        let foreign = state.mended().damage("shop", "prod");
        assert_eq!(foreign.iter().filter(|damage| damage.to_string().ends_with("another stack")).count(), 3);
        assert_eq!(foreign.iter().filter(|damage| damage.to_string().contains("no settings")).count(), 3);
        assert!(foreign.last().unwrap().to_string().contains("2 resources depend on each other"), "{foreign:?}");
    }
}
