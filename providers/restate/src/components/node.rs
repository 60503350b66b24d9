//! `Node`: one server of a cluster, as a program describes it.

use crate::{
    components::{DeclaredNlb, DeclaredRegion},
    settings::{Bytes, Role, Settings},
};
use std::{collections::BTreeSet, sync::Arc};
use terrane::{Refers, Urn};

/// A node of a cluster. It is declared with its [`Cluster`](crate::Cluster).
#[derive(Clone)]
pub struct Node {
    pub(crate) region: DeclaredRegion,
    pub(crate) index: u8,
    pub(crate) name: String,
    pub(crate) zone: Option<String>,
    pub(crate) advertised: Option<String>,
    pub(crate) roles: Option<BTreeSet<Role>>,
    pub(crate) memory: Option<Bytes>,
    pub(crate) rocksdb_memory: Option<Bytes>,
    pub(crate) cpus: Option<f64>,
    pub(crate) adjust: Option<Adjust>,
    pub(crate) after: Vec<Urn>,
}

type Adjust = Arc<dyn Fn(&mut Settings) + Send + Sync>;

impl Node {
    /// Node `index`, counted from 0, of a region. Its name, which no other node may have, is `restate-<index>.<region>`.
    pub fn new(region: &DeclaredRegion, index: u8) -> Self {
        Self {
            region: region.clone(),
            index,
            name: format!("restate-{index}.{}", region.name()),
            zone: None,
            advertised: None,
            roles: None,
            memory: None,
            rocksdb_memory: None,
            cpus: None,
            adjust: None,
            after: Vec::new(),
        }
    }

    /// Another name. Restate identifies a node by it, so it can't change once the node has joined.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The zone within its region.
    #[must_use]
    pub fn zone(mut self, zone: impl Into<String>) -> Self {
        self.zone = Some(zone.into());
        self
    }

    /// The balancer through which other nodes dial it; without one they dial it directly.
    #[must_use]
    pub fn advertised(mut self, nlb: &DeclaredNlb) -> Self {
        self.advertised = Some(nlb.url().to_owned());
        self.after.extend(nlb.urns());
        self
    }

    /// What it does, if not everything that its cluster's metadata store asks for.
    #[must_use]
    pub fn roles(mut self, roles: impl IntoIterator<Item = Role>) -> Self {
        self.roles = Some(roles.into_iter().collect());
        self
    }

    /// The most memory that it may use.
    #[must_use]
    pub fn memory(mut self, limit: Bytes) -> Self {
        self.memory = Some(limit);
        self
    }

    /// The part of its memory that RocksDB takes.
    #[must_use]
    pub fn rocksdb_memory(mut self, size: Bytes) -> Self {
        self.rocksdb_memory = Some(size);
        self
    }

    /// The processors that it may use.
    #[must_use]
    pub fn cpus(mut self, limit: f64) -> Self {
        self.cpus = Some(limit);
        self
    }

    /// Changes any other setting of its `restate.toml`.
    #[must_use]
    pub fn settings(mut self, adjust: impl Fn(&mut Settings) + Send + Sync + 'static) -> Self {
        self.adjust = Some(Arc::new(adjust));
        self
    }
}
