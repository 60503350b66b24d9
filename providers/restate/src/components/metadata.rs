//! `MetadataStore`: where a cluster's metadata lives.

use crate::{Platform, backend::Store, components::DeclaredRegion, topology::Home};
use terrane::{Complete, Declare, Refers, Stack, Urn};

/// Where a cluster's metadata lives.
#[derive(Clone)]
pub struct MetadataStore {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Replicated,
    ObjectStore { name: String, region: DeclaredRegion },
}

/// An object store that still needs its region.
#[derive(Debug, Clone)]
pub struct ObjectStoreMetadata {
    name: String,
}

impl MetadataStore {
    /// On the nodes themselves: a majority of them must be alive.
    pub fn replicated() -> Self {
        Self { kind: Kind::Replicated }
    }

    /// In a bucket, by conditional writes; say next which region's.
    pub fn object_store(name: impl Into<String>) -> ObjectStoreMetadata {
        ObjectStoreMetadata { name: name.into() }
    }
}

impl ObjectStoreMetadata {
    /// In one region. Says aloud that this region takes the metadata with it when it goes; the plan names it among the failures.
    pub fn single_region(self, region: &DeclaredRegion) -> MetadataStore {
        MetadataStore { kind: Kind::ObjectStore { name: self.name, region: region.clone() } }
    }
}

/// A metadata store that is part of a stack.
#[derive(Clone)]
pub struct DeclaredMetadata {
    /// The bucket and what it depends on; none when the nodes keep the metadata.
    pub(crate) store: Option<(Store, Home)>,
}

impl Refers for DeclaredMetadata {
    fn urns(&self) -> Vec<Urn> {
        self.store.iter().flat_map(|(store, _)| store.urns.clone()).collect()
    }
}

impl Complete for MetadataStore {}

impl Declare<Platform> for MetadataStore {
    type Declared = DeclaredMetadata;

    fn declare(self, _: &Stack, platform: &Platform) -> DeclaredMetadata {
        let store = match self.kind {
            Kind::Replicated => None,
            Kind::ObjectStore { name, region } => {
                let home = Home::Region { name: region.name().to_owned(), acknowledged: true };
                Some((platform.backend().bucket(&region, &name), home))
            }
        };
        DeclaredMetadata { store }
    }
}
