//! `NodeNlb`: a balancer of one node's own, so that nodes of other regions can dial it.

use crate::{Platform, components::DeclaredRegion};
use terrane::{Complete, Declare, Fault, Refers, Stack, Urn};

/// A balancer in front of the fabric port of one node. A fabric address belongs to one node only, so each has its own.
#[derive(Clone)]
pub struct NodeNlb {
    region: DeclaredRegion,
    index: u8,
}

impl NodeNlb {
    /// The balancer of node `index`, counted from 0, of a region.
    pub fn new(region: &DeclaredRegion, index: u8) -> Self {
        Self { region: region.clone(), index }
    }
}

/// A balancer that is part of a stack.
#[derive(Debug, Clone)]
pub struct DeclaredNlb {
    pub(crate) url: String,
    urns: Vec<Urn>,
}

impl DeclaredNlb {
    /// The address under which other nodes dial the node.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Refers for DeclaredNlb {
    fn urns(&self) -> Vec<Urn> {
        self.urns.clone()
    }
}

impl Complete for NodeNlb {}

impl Declare<Platform> for NodeNlb {
    type Declared = DeclaredNlb;

    fn declare(self, stack: &Stack, platform: &Platform) -> DeclaredNlb {
        match platform.backend().balancer(&self.region, self.index) {
            Ok(balancer) => DeclaredNlb { url: balancer.url, urns: balancer.urns },
            Err(error) => {
                stack.refuse(Fault::new("T0401", error.to_string()));
                DeclaredNlb { url: String::new(), urns: Vec::new() }
            }
        }
    }
}
