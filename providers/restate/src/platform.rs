//! Where a cluster runs: the platform that regions, buckets, balancers and nodes are added on.

use crate::{
    Deployment, Restate,
    backend::{Backend, LocalBackend},
    resources::DeploymentDraft,
};
use serde::Deserialize;
use std::sync::Arc;
use terrane::{Complete, Declare, Declared, DraftOf, Error, On, Result, Stack};
use terrane_local::address::AddressPlan;

/// A platform of the program's stack. Cheap to clone.
#[derive(Clone)]
pub struct Platform {
    backend: Arc<dyn Backend>,
    restate: On<Restate>,
}

/// The section `[platform]` of the configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Settings {
    kind: Kind,
    addresses: Option<Addresses>,
    first_subnet: Option<u8>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    #[default]
    Local,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Addresses {
    Subnets,
    PortOffsets,
}

/// Nodes of one region, where ports tell them apart.
const NODES_BY_PORT: u8 = 3;

impl Platform {
    /// The platform that the section `[platform]` of the configuration names: `kind = "local"` (the default), `addresses = "subnets"` or
    /// `"port-offsets"` (what the machine can carry, if nothing is said), `first-subnet = 1` for `127.1.0.0/24`.
    ///
    /// # Errors
    /// When the configuration is wrong, or there is no folder for the local platform.
    pub fn from_config(stack: &Stack) -> Result<Self> {
        let settings: Settings = stack.config_section("platform")?;
        let plan = match settings.addresses {
            None => AddressPlan::of_this_host(NODES_BY_PORT),
            Some(Addresses::Subnets) => AddressPlan::Subnets,
            Some(Addresses::PortOffsets) => AddressPlan::PortOffsets { nodes_per_region: NODES_BY_PORT },
        };
        match settings.kind {
            Kind::Local => Self::local(stack, plan, settings.first_subnet.unwrap_or(1)),
        }
    }

    /// Real servers on this machine; the first region is number `first`, which is its subnet where regions have subnets.
    ///
    /// # Errors
    /// When there is no folder for the local platform, or `first` is 0.
    pub fn local(stack: &Stack, plan: AddressPlan, first: u8) -> Result<Self> {
        if first == 0 {
            return Err(Error::new("`platform.first-subnet` counts from 1: 127.0.0.0/24 is this machine's own"));
        }
        let backend = LocalBackend::new(stack, plan, first)?;
        Ok(Self { backend: Arc::new(backend), restate: stack.provider(Restate {}) })
    }

    pub(crate) fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// The provider of Restate's own kinds, such as [`Deployment`].
    pub fn restate(&self) -> &On<Restate> {
        &self.restate
    }
}

/// A service is added on the platform like everything else of a cluster.
impl<A, U> Declare<Platform> for DeploymentDraft<A, U>
where
    Self: Complete + DraftOf<Resource = Deployment>,
{
    type Declared = Declared<Deployment>;

    #[track_caller]
    fn declare(self, stack: &Stack, platform: &Platform) -> Self::Declared {
        stack.add(platform.restate(), self)
    }
}
