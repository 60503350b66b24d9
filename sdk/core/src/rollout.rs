//! Rollouts: groups of resources that may be changed a few members at a time, each only while the whole is healthy.

use crate::{Facts, Gather, Output, Progress, Refers, Result, Urn};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// How a group of resources is changed.
///
/// Creates of new members run in parallel. Updates, replacements and deletes of members take turns: at most `at_once` members at a time,
/// and before the first and after each the gate must hold. A member that is unhealthy already may go first.
#[derive(Clone)]
pub struct Rollout {
    pub(crate) name: String,
    pub(crate) at_once: usize,
    pub(crate) members: Vec<String>,
    pub(crate) gate: Option<Gate>,
}

impl Rollout {
    /// One member at a time.
    pub fn one_at_a_time() -> Self {
        Self::at_once(1)
    }

    /// So many members at a time; at least one.
    pub fn at_once(members: usize) -> Self {
        Self { name: String::new(), at_once: members.max(1), members: Vec::new(), gate: None }
    }

    /// The order of the members' turns, first one first. Members that are not named come last, in the order of their declaration.
    #[must_use]
    pub fn ordered_by(mut self, members: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.members = members.into_iter().map(Into::into).collect();
        self
    }

    /// What must hold before the first turn and after each.
    #[must_use]
    pub fn gate(mut self, gate: Gate) -> Self {
        self.gate = Some(gate);
        self
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many members may change at the same time.
    pub fn width(&self) -> usize {
        self.at_once
    }

    /// The members, in the order of their turns.
    pub fn members(&self) -> &[String] {
        &self.members
    }

    /// The gate, if there is one.
    pub fn gated_by(&self) -> Option<&Gate> {
        self.gate.as_ref()
    }
}

/// What a gate saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether the next turn may begin.
    pub healthy: bool,
    /// For the person who waits: "4 of 6 partitions led".
    pub text: String,
    /// Members that are not well; one of these may have its turn although the gate doesn't hold.
    pub unhealthy: Vec<String>,
}

type Check = Arc<dyn Fn(&Facts, Progress) -> Option<BoxFuture<'static, Result<Health>>> + Send + Sync>;

/// An asynchronous check over outputs.
#[derive(Clone)]
pub struct Gate {
    sources: Arc<std::collections::BTreeSet<Urn>>,
    check: Check,
}

impl Gate {
    /// A gate that looks with the values of some outputs; before they have values, in the first `up`, there is nothing to look at.
    pub fn new<G: Gather, F>(over: G, look: impl Fn(G::Values, Progress) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Health>> + Send + 'static,
    {
        let over: Output<G::Values> = over.gather();
        let sources = over.sources.clone();
        let check = move |facts: &Facts, progress: Progress| {
            let values = over.resolve(facts).ok()?;
            Some(Box::pin(look(values, progress)) as BoxFuture<'static, Result<Health>>)
        };
        Self { sources, check: Arc::new(check) }
    }

    /// The resources whose outputs it reads.
    pub fn sources(&self) -> &std::collections::BTreeSet<Urn> {
        &self.sources
    }

    /// Looks once; `None` while there is nothing to look at.
    pub fn look(&self, facts: &Facts, progress: Progress) -> Option<BoxFuture<'static, Result<Health>>> {
        (self.check)(facts, progress)
    }
}

/// A resource's place in a rollout stands for the resource.
impl Refers for Urn {
    fn urns(&self) -> Vec<Urn> {
        vec![self.clone()]
    }
}
