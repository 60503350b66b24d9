//! A provider as its author writes it, for the tests and for the programs that must not compile.

#![expect(unreachable_pub, reason = "a provider is public; only this one is part of a test")]

pub mod policy;
pub mod queue;

use policy::Policy;
use queue::Queue;
use serde::{Deserialize, Serialize};
use terrane::{Kinds, Provider, Result};

/// A pretend cloud.
#[derive(Serialize, Deserialize, Clone)]
pub struct Aws {
    pub region: String,
}

impl Aws {
    pub fn region(region: &str) -> Self {
        Self { region: region.to_owned() }
    }
}

impl Provider for Aws {
    const NAME: &'static str = "aws";
    const PLACE: &'static [&'static str] = &["region"];
    type Client = ();

    async fn connect(&self) -> Result<()> {
        Ok(())
    }

    fn kinds(kinds: &mut Kinds<Self>) {
        kinds.add::<Queue>().add::<Policy>();
    }
}

/// Another pretend cloud, without kinds.
#[derive(Serialize, Deserialize, Clone)]
pub struct Kubernetes;

impl Provider for Kubernetes {
    const NAME: &'static str = "kubernetes";
    type Client = ();

    async fn connect(&self) -> Result<()> {
        Ok(())
    }

    fn kinds(_: &mut Kinds<Self>) {}
}
