//! What `up` has made, read back from the regions' folders and from state, so that the same can be made by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use terrane::automation::{FileStore, Store};
use terrane_local::spec::{BalancerSpec, BucketSpec, EndpointSpec, ProcessSpec};
use terrane_restate::health::{Expected, ExpectedNode};
use terrane_restate::{Replication, settings::Role};

use super::place::{EXAMPLE, Place, STACK};

/// Everything that the cluster consists of.
pub(super) struct Blueprint {
    /// By the folder of the region's agent.
    pub(super) regions: BTreeMap<PathBuf, Region>,
    pub(super) cluster: Cluster,
}

/// What an agent is told to run, as it keeps it in its folder.
#[derive(Deserialize)]
pub(super) struct Region {
    pub(super) endpoint: EndpointSpec,
    pub(super) buckets: BTreeMap<String, BucketSpec>,
    pub(super) balancers: BTreeMap<String, BalancerSpec>,
    pub(super) processes: BTreeMap<String, ProcessSpec>,
}

/// The cluster as a whole: the inputs of its resource, as state has them.
#[derive(Deserialize)]
pub(super) struct Cluster {
    pub(super) addresses: Vec<String>,
    pub(super) replication: Replication,
    pub(super) partitions: u16,
    pub(super) restatectl: PathBuf,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    name: String,
    location: Option<String>,
    roles: BTreeSet<Role>,
}

impl Blueprint {
    pub(super) async fn read(place: &Place) -> Result<Self> {
        let mut regions = BTreeMap::new();
        for folder in place.regions() {
            let path = folder.join("desired.json");
            let text = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
            let region = serde_json::from_slice(&text).with_context(|| format!("reading {}", path.display()))?;
            regions.insert(folder, region);
        }
        let state = FileStore::new(place.state()).read(EXAMPLE, STACK).await?;
        let state = state.context("`up` has left no state")?;
        let cluster = state.live.values().find(|instance| instance.urn.kind() == "restate:Cluster");
        let inputs = cluster.map(|cluster| Value::Object((*cluster.inputs.values).clone()));
        let cluster = serde_json::from_value(inputs.context("state has no cluster")?).context("reading the cluster")?;
        Ok(Self { regions, cluster })
    }

    /// Fails if anything of it, or a stranger, still listens.
    pub(super) fn check_free(&self) -> Result<()> {
        for address in self.regions.values().flat_map(Region::addresses) {
            TcpListener::bind(address).with_context(|| format!("{address} is in use; end what listens there"))?;
        }
        Ok(())
    }
}

impl Region {
    fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        let processes = self.processes.values().flat_map(|process| &process.addresses);
        let balancers = self.balancers.values().map(|balancer| &balancer.listen);
        processes.chain(balancers).chain([&self.endpoint.listen]).copied()
    }
}

impl Cluster {
    /// What must be seen of it before it counts as healthy.
    pub(super) fn expected(&self) -> Expected {
        let wanted = |node: &Node| {
            (node.name.clone(), ExpectedNode { location: node.location.clone(), roles: node.roles.clone() })
        };
        Expected {
            nodes: self.nodes.iter().map(wanted).collect(),
            replication: self.replication,
            partitions: Some(self.partitions),
        }
    }
}
