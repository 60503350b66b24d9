//! What a program declared: the value that evaluating it leaves behind.

use crate::{
    Draft, Facts, KindSpec, Note, Output, ProviderSpec, Result, Rollout, Stack, Urn,
    note::{Claim, Fault},
    urn::UrnMap,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    panic::Location,
    sync::Arc,
};

/// Where something was declared, as `src/main.rs:14`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site(&'static Location<'static>);

impl Site {
    /// The caller of a `#[track_caller]` function.
    #[track_caller]
    pub fn caller() -> Self {
        Self(Location::caller())
    }
}

impl std::fmt::Display for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.0.file(), self.0.line())
    }
}

/// A resource in the program.
pub struct Node {
    /// Its identity.
    pub urn: Urn,
    /// What is constant about its kind.
    pub spec: &'static KindSpec,
    /// The index of its provider handle in [`Graph::handles`].
    pub handle: usize,
    /// Inputs and options.
    pub draft: Draft,
    /// Its declaration.
    pub site: Site,
    /// The rollout it takes turns in, as indices of the rollout and of the member.
    pub turn: Option<(usize, usize)>,
}

impl Node {
    /// Everything that has to be there before this resource, sorted: explicit edges and the sources of its inputs.
    pub fn dependencies(&self, handles: &[Handle]) -> BTreeSet<Urn> {
        let options = &self.draft.options;
        let mut all: BTreeSet<Urn> = options.after.iter().cloned().collect();
        for (_, field) in self.draft.fields.iter() {
            all.extend(field.sources().iter().cloned());
        }
        all.extend(options.replaced_when.iter().flat_map(|value| value.sources().iter().cloned()));
        all.extend(options.replaced_with.iter().cloned());
        all.extend(handles[self.handle].settings.sources().iter().cloned());
        all.remove(&self.urn);
        all
    }
}

/// A configured provider in the program.
pub struct Handle {
    /// What is constant about the provider.
    pub spec: &'static ProviderSpec,
    /// Its settings.
    pub settings: Output<Value>,
    /// Its declaration.
    pub site: Site,
}

type Body = Arc<dyn Fn(&Stack, &Facts) -> Result<()> + Send + Sync>;

/// A part of the program that waits for a value.
#[derive(Clone)]
pub struct Expansion {
    /// The scope that it declares into.
    pub scope: String,
    /// What it waits for.
    pub waits: Output<()>,
    /// Declares the rest into a stack.
    pub body: Body,
    /// Its declaration.
    pub site: Site,
}

/// A value that the stack gives to people, scripts and other stacks.
pub struct Export {
    /// The value.
    pub value: Output<Value>,
    /// Its declaration.
    pub site: Site,
}

/// All that a program declared.
#[derive(Default)]
pub struct Graph {
    /// The resources, in the order of their declaration.
    pub nodes: Vec<Node>,
    /// Positions in `nodes`.
    pub index: UrnMap<usize>,
    /// Parts that wait for values.
    pub expansions: Vec<Expansion>,
    /// What the stack exports.
    pub exports: BTreeMap<String, Export>,
    /// The provider handles.
    pub handles: Vec<Handle>,
    /// The rollouts.
    pub rollouts: Vec<Rollout>,
    /// What the program wants shown with the plan.
    pub notes: Vec<Note>,
    /// What `--check` can ask for.
    pub claims: Vec<Claim>,
    /// What is wrong with the program.
    pub faults: Vec<Fault>,
}

impl Graph {
    /// One resource.
    pub fn node(&self, urn: &Urn) -> Option<&Node> {
        self.index.get(urn).map(|&position| &self.nodes[position])
    }
}

/// A program: a plain function that declares resources.
pub type Program = dyn Fn(&Stack) -> Result<()> + Send + Sync;
