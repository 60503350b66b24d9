//! `SnapshotBucket`: where partition snapshots go.

use crate::{Platform, backend::Store, components::DeclaredRegion, settings::Interval};
use std::collections::{BTreeMap, BTreeSet};
use terrane::{Complete, Declare, Refers, Stack, Urn};

/// Buckets for partition snapshots: one for all nodes, or one a region that are copied to each other.
#[derive(Clone)]
pub struct SnapshotBucket {
    name: String,
    regions: Vec<DeclaredRegion>,
    lag: Interval,
}

/// How long copying to another region may take, if nothing is said: what S3 promises with replication time control.
const LAG: Interval = Interval::from_secs(15 * 60);

impl SnapshotBucket {
    /// One bucket, which nodes of every region use.
    pub fn single(name: impl Into<String>, region: &DeclaredRegion) -> Self {
        Self { name: name.into(), regions: vec![region.clone()], lag: LAG }
    }

    /// A bucket in each region, each copied to all others: a node that takes over a partition finds the snapshots of the one before it.
    pub fn replicated<'a>(name: impl Into<String>, regions: impl IntoIterator<Item = &'a DeclaredRegion>) -> Self {
        Self { name: name.into(), regions: regions.into_iter().cloned().collect(), lag: LAG }
    }

    /// How long copying to another region may take. Logs are kept at least as long.
    #[must_use]
    pub fn replication_lag(mut self, lag: Interval) -> Self {
        self.lag = lag;
        self
    }
}

/// Snapshot buckets that are part of a stack.
#[derive(Clone)]
pub struct DeclaredBucket {
    pub(crate) stores: BTreeMap<String, Store>,
    pub(crate) replicated: BTreeSet<(String, String)>,
    pub(crate) lag: Interval,
    urns: Vec<Urn>,
}

impl DeclaredBucket {
    /// The bucket that a region's nodes use.
    pub(crate) fn store_of(&self, region: &str) -> Option<&Store> {
        self.stores.get(region).or_else(|| self.stores.values().next().filter(|_| self.stores.len() == 1))
    }
}

impl Refers for DeclaredBucket {
    fn urns(&self) -> Vec<Urn> {
        self.urns.clone()
    }
}

impl Complete for SnapshotBucket {}

impl Declare<Platform> for SnapshotBucket {
    type Declared = DeclaredBucket;

    fn declare(self, _: &Stack, platform: &Platform) -> DeclaredBucket {
        let backend = platform.backend();
        let stores: BTreeMap<String, Store> =
            self.regions.iter().map(|region| (region.name().to_owned(), backend.bucket(region, &self.name))).collect();
        let mut urns: Vec<Urn> = stores.values().flat_map(|store| store.urns.clone()).collect();
        if self.regions.len() > 1 {
            urns.extend(backend.replicate(&self.regions, &self.name));
        }
        let pairs = |from: &String| {
            stores.keys().filter(move |to| *to != from).map(|to| (from.clone(), to.clone())).collect::<Vec<_>>()
        };
        let replicated = stores.keys().flat_map(pairs).collect();
        DeclaredBucket { stores, replicated, lag: self.lag, urns }
    }
}
