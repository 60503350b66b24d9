//! What a platform has to offer so that a cluster can run on it. Components speak to this trait only; each platform implements it once.

mod local;

pub(crate) use local::LocalBackend;

use crate::{components::DeclaredRegion, settings::ObjectStore};
use std::{collections::BTreeMap, path::PathBuf};
use terrane::{Output, Result, Stack, Urn};

/// A platform, as components see it. Every method declares resources and gives back what later ones need.
pub(crate) trait Backend: Send + Sync {
    /// A region, declared in its own scope.
    fn region(&self, scope: &Stack, name: &str) -> Result<Vec<Urn>>;

    /// A bucket of a region.
    fn bucket(&self, region: &DeclaredRegion, name: &str) -> Store;

    /// Copies each of the buckets of one name to all others.
    fn replicate(&self, regions: &[DeclaredRegion], name: &str) -> Vec<Urn>;

    /// The addresses of a node.
    fn addresses(&self, region: &DeclaredRegion, index: u8) -> Result<Addresses>;

    /// A balancer of a node's own in front of its fabric port.
    fn balancer(&self, region: &DeclaredRegion, index: u8) -> Result<Balancer>;

    /// The program that looks at clusters and configures them.
    fn restatectl(&self, stack: &Stack) -> Output<PathBuf>;

    /// A server.
    fn serve(&self, turn: &Stack, region: &DeclaredRegion, server: Server) -> Vec<Urn>;
}

/// A bucket that servers can reach.
#[derive(Clone)]
pub(crate) struct Store {
    /// The bucket, as in `s3://bucket`.
    pub bucket: String,
    /// How to reach it, without secrets.
    pub access: ObjectStore,
    /// The secret of its access key, where it has one of its own.
    pub secret: Option<Output<String>>,
    /// What has to be there before the bucket can be used.
    pub urns: Vec<Urn>,
}

/// The addresses of a node.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// Where its servers listen: fabric, admin, ingress.
    pub fabric: std::net::SocketAddr,
    pub admin: std::net::SocketAddr,
    pub ingress: std::net::SocketAddr,
}

impl Addresses {
    /// The URL of the fabric port itself, past any balancer.
    pub(crate) fn fabric_url(&self) -> String {
        format!("http://{}/", self.fabric)
    }
}

/// A balancer in front of a node's fabric port.
pub(crate) struct Balancer {
    /// The address under which other nodes dial the node.
    pub url: String,
    pub urns: Vec<Urn>,
}

/// A server to run.
pub(crate) struct Server {
    /// Its resource's name, unique in its region.
    pub name: String,
    /// Its `restate.toml`, with `{base}` where its data folder's path belongs.
    pub config: String,
    /// Environment variables that must not be shown.
    pub secrets: Output<BTreeMap<String, String>>,
    pub addresses: Addresses,
    pub memory_bytes: Option<u64>,
    pub cpus: Option<f64>,
    /// What has to be there before it starts.
    pub after: Vec<Urn>,
}
