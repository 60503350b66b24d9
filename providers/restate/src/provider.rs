//! The provider of what is Restate's own: membership, the cluster as a whole, deployments.

use crate::resources::{ClusterState, Deployment, Membership, NodeEntry};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use terrane::{Kinds, Provider, Result};

/// Restate, wherever its servers run: it is reached through their addresses, which are inputs of each resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restate {}

impl Provider for Restate {
    const NAME: &'static str = "restate";
    // Every request may be repeated: one that arrives late changes nothing.
    const IN_FLIGHT: Duration = Duration::ZERO;
    type Client = ();

    async fn connect(&self) -> Result<()> {
        Ok(())
    }

    fn kinds(kinds: &mut Kinds<Self>) {
        kinds.add::<NodeEntry>().add::<Membership>().add::<ClusterState>().add::<Deployment>();
    }
}
