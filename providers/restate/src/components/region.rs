//! `Region`: a place that fails as one.

use crate::Platform;
use terrane::{Complete, Declare, Fault, Refers, Stack, Urn};

/// A region. Its name is the location of its nodes, and the scope of everything in it.
#[derive(Debug, Clone)]
pub struct Region {
    name: String,
}

impl Region {
    /// A region by its name, such as `eu-central-1`.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }
}

/// A region that is part of a stack. Cheap to clone.
#[derive(Clone)]
pub struct DeclaredRegion {
    name: String,
    scope: Stack,
    urns: Vec<Urn>,
}

impl DeclaredRegion {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The scope of what is declared in it.
    pub fn scope(&self) -> &Stack {
        &self.scope
    }
}

impl Refers for DeclaredRegion {
    fn urns(&self) -> Vec<Urn> {
        self.urns.clone()
    }
}

impl Complete for Region {}

impl Declare<Platform> for Region {
    type Declared = DeclaredRegion;

    fn declare(self, stack: &Stack, platform: &Platform) -> DeclaredRegion {
        let scope = stack.scope(&self.name);
        let urns = platform.backend().region(&scope, &self.name).unwrap_or_else(|error| {
            stack.refuse(Fault::new("T0401", error.to_string()));
            Vec::new()
        });
        DeclaredRegion { name: self.name, scope, urns }
    }
}
