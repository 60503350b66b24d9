//! Infrastructure as code in Rust: typed resources, a planner and an engine in your own binary.
//!
//! A program is a plain function that declares resources on a [`Stack`]; `use terrane::prelude::*` brings what it needs. A provider
//! is an ordinary crate: a [`Provider`] with its settings, and for each kind a struct that derives [`Resource`](macro@Resource) and
//! implements the trait of the same name; see [`kind`].

// Derived code names everything by its path from `::terrane`, also where it is derived in here.
extern crate self as terrane;

#[doc(hidden)]
pub mod __private;
mod app;
pub mod automation;
pub mod prelude;
pub mod test;

pub use app::{App, main};
pub use terrane_cli::{Variable, environment, without_secrets};

pub use terrane_core::stack::RolloutHandle;
pub use terrane_core::{
    Claim, Class, Command, CommandLine, Complete, Config, Context, Creation, Declare, Declared, Described, Draft,
    DraftOf, Error, Fault, Found, Gate, Gather, Health, Hook, Inputs, IntoInput, IntoList, IntoMap, Kinds, Live, Note,
    On, Options, Outcome, Output, Outputs, Plan, Problems, Progress, Properties, Provider, ProviderSpec, Recovery,
    Refers, Resource, Result, Rollout, Secret, Stack, Urn, When, config, declared, draft, gather, graph, hook, inputs,
    kind, note, output, plan, rollout, stack, state, text, urn,
};
pub use terrane_derive::{Inputs, Outputs, Resource};

#[cfg(doctest)]
#[doc = include_str!("../../../docs/writing-a-provider.md")]
struct TheProviderInTheDocuments;
