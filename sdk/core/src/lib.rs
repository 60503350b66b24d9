//! Terrane's vocabulary: outputs, resources, graphs, plans and state.
//!
//! Everything here is a value or a pure function. Nothing reads a file, opens a socket or knows the time; `terrane-engine` and
//! `terrane-state` do that.

pub mod config;
pub mod declared;
pub mod draft;
pub mod error;
pub mod failpoint;
pub mod gather;
pub mod graph;
pub mod hook;
pub mod input;
pub mod kind;
pub mod note;
pub mod output;
pub mod plan;
pub mod planted;
pub mod properties;
pub mod rollout;
pub mod secret;
pub mod stack;
pub mod state;
pub mod urn;

pub use config::Config;
pub use declared::{Complete, Declare, Declared, DraftOf, On};
pub use draft::{Draft, Options, Refers};
pub use error::{Class, Context, Error, Outcome, Result};
pub use gather::Gather;
pub use graph::{Graph, Program};
pub use hook::{Hook, When};
pub use input::{IntoInput, IntoList, IntoMap};
pub use kind::{
    AnyKind, Command, CommandLine, Creation, Described, Found, Inputs, KindSpec, Kinds, Live, Outputs, Problems,
    Progress, Provider, ProviderSpec, Recovery, Resource,
};
pub use note::{Claim, Fault, Note};
pub use output::{Facts, Output, Unresolved};
pub use plan::Plan;
pub use properties::Properties;
pub use rollout::{Gate, Health, Rollout};
pub use secret::Secret;
pub use stack::Stack;
pub use state::{OpId, Record, State};
pub use urn::Urn;
