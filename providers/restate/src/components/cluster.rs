//! `Cluster`: nodes that are one Restate, with everything that a person can get wrong about them checked in the plan.

use super::{DeclaredBucket, DeclaredMetadata, Node};
use crate::{
    Platform,
    backend::{Addresses, Server},
    checks::{self, Severity},
    replication::Replication,
    resources::{ClusterState, ExpectedNode, Membership, NodeEntry},
    settings::{
        Bifrost, Bytes, Interval, ListenMode, Listener, LogProvider, MetadataClient, Role, Settings, SnapshotSettings,
        Worker,
    },
    survivability::{Level, survive, survives},
    topology::{Metadata, NodeFacts, Provisioning, Snapshots, Topology},
    watch,
};
use std::{collections::BTreeMap, path::PathBuf};
use terrane::{Claim, Complete, Declare, Fault, Gate, Gather, Health, Options, Output, Refers, Rollout, Stack, Urn};

/// A cluster. Add it last: it is up when every node is alive, every partition led and every log replicated as declared.
#[derive(Clone)]
pub struct Cluster {
    name: String,
    metadata: Option<DeclaredMetadata>,
    snapshots: Option<DeclaredBucket>,
    snapshot_records: Option<u64>,
    replication: Replication,
    partitions: u16,
    trim_delay: Option<Interval>,
    nodes: Vec<Node>,
}

/// Partitions of a cluster that says nothing of them: few, since each costs memory on every node of a laptop.
const PARTITIONS: u16 = 6;
/// Records between two snapshots of a partition.
const SNAPSHOT_RECORDS: u64 = 10_000;
/// Memory of RocksDB on a node that says nothing of it: the least that Restate takes.
const ROCKSDB_MEMORY: Bytes = Bytes::mib(256);
/// How long a log is kept after its records are durable elsewhere: Restate's default.
const TRIM_DELAY: Interval = Interval::from_secs(10 * 60);
/// How long a node that came back stays suspect. Restate's 5 s are made for real networks; on loopback they are most of the time that a
/// cluster takes to start.
const SUSPECT: Interval = Interval::from_millis(500);

impl Cluster {
    /// A cluster by its name.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            metadata: None,
            snapshots: None,
            snapshot_records: None,
            replication: Replication::nodes(1),
            partitions: PARTITIONS,
            trim_delay: None,
            nodes: Vec::new(),
        }
    }

    /// Where its metadata lives; on the nodes themselves, if nothing is said.
    #[must_use]
    pub fn metadata(mut self, store: &DeclaredMetadata) -> Self {
        self.metadata = Some(store.clone());
        self
    }

    /// Where its partition snapshots go.
    #[must_use]
    pub fn snapshots(mut self, bucket: &DeclaredBucket) -> Self {
        self.snapshots = Some(bucket.clone());
        self
    }

    /// Take a snapshot of a partition after so many records.
    #[must_use]
    pub fn snapshot_every(mut self, records: u64) -> Self {
        self.snapshot_records = Some(records);
        self
    }

    /// How many copies of everything there are, and where: `Replication::regions(2).nodes(3)`.
    #[must_use]
    pub fn replication(mut self, replication: impl Into<Replication>) -> Self {
        self.replication = replication.into();
        self
    }

    /// How many partitions it has. Fixed once it is provisioned.
    #[must_use]
    pub fn partitions(mut self, count: u16) -> Self {
        self.partitions = count;
        self
    }

    /// How long a log is kept after its records are durable elsewhere; at least as long as copying snapshots takes.
    #[must_use]
    pub fn trim_delay(mut self, delay: Interval) -> Self {
        self.trim_delay = Some(delay);
        self
    }

    /// Its nodes.
    #[must_use]
    pub fn nodes(mut self, nodes: impl IntoIterator<Item = Node>) -> Self {
        self.nodes = nodes.into_iter().collect();
        self
    }
}

/// A cluster that is part of a stack.
pub struct DeclaredCluster {
    /// The URLs under which clients call services, one a node.
    pub ingress_urls: Output<Vec<String>>,
    /// The URLs of the admin API, one a node.
    pub admin_urls: Output<Vec<String>>,
    /// The URLs of the metrics, for Prometheus, one a node.
    pub metrics_urls: Output<Vec<String>>,
    urns: Vec<Urn>,
}

impl Refers for DeclaredCluster {
    fn urns(&self) -> Vec<Urn> {
        self.urns.clone()
    }
}

impl Complete for Cluster {}

impl Declare<Platform> for Cluster {
    type Declared = DeclaredCluster;

    fn declare(self, stack: &Stack, platform: &Platform) -> DeclaredCluster {
        Declaring { cluster: &self, stack, platform }.run()
    }
}

/// One node and its addresses.
struct Placed<'a> {
    node: &'a Node,
    addresses: Addresses,
    advertised: String,
}

impl Placed<'_> {
    /// The addresses of the other nodes.
    fn others(&self, addresses: &[String]) -> Vec<String> {
        let own = format!("http://{}/", self.addresses.fabric);
        addresses.iter().filter(|address| **address != own).cloned().collect()
    }
}

struct Declaring<'a> {
    cluster: &'a Cluster,
    stack: &'a Stack,
    platform: &'a Platform,
}

impl Declaring<'_> {
    fn run(&self) -> DeclaredCluster {
        let placed = self.place();
        let topology = self.topology(&placed);
        self.examine(&topology);
        let ctl = self.platform.backend().restatectl(self.stack);
        let rollout = self.rollout(&placed, &topology, &ctl);
        let addresses: Vec<String> =
            placed.iter().map(|placed| format!("http://{}/", placed.addresses.fabric)).collect();
        let mut servers = Vec::new();
        for placed in &placed {
            let turn = placed.node.region.scope().turn(&rollout, &placed.node.name);
            let entry = self.entry(placed, &addresses, &ctl);
            servers.push((turn.clone(), self.serve(&turn, placed, &placed_addresses(&topology), entry)));
        }
        let mut urns = Vec::new();
        for (placed, (turn, servers)) in placed.iter().zip(&servers) {
            urns.extend(self.member(turn, placed, &addresses, &ctl, servers));
        }
        self.state(&placed, &topology, addresses, &ctl, &urns)
    }

    /// The cluster itself, with which its nodes go.
    fn urn(&self) -> Urn {
        let (stack, project, scope) = (self.stack.name(), self.stack.project(), self.stack.scope_path());
        Urn::new(stack, project, scope, "restate:Cluster", &self.cluster.name)
    }

    /// A node's entry in the cluster's configuration, which outlives its server.
    fn entry(&self, placed: &Placed<'_>, addresses: &[String], ctl: &Output<PathBuf>) -> Vec<Urn> {
        let draft = NodeEntry::new(format!("restate-{}-entry", placed.node.index))
            .node_name(&placed.node.name)
            .restatectl(ctl)
            .others(placed.others(addresses))
            .deleted_with(&self.urn());
        placed.node.region.scope().add(self.platform.restate(), draft).urns()
    }

    /// A node's membership, which ends before its server.
    fn member(
        &self,
        turn: &Stack,
        placed: &Placed<'_>,
        addresses: &[String],
        ctl: &Output<PathBuf>,
        servers: &[Urn],
    ) -> Vec<Urn> {
        let node = placed.node;
        let draft = Membership::new(format!("restate-{}", node.index))
            .node_name(&node.name)
            .location(location(node))
            .address(&placed.advertised)
            .restatectl(ctl)
            .others(placed.others(addresses))
            .metadata_server(self.roles(node).contains(&Role::MetadataServer))
            .after(&servers.to_vec())
            .deleted_with(&self.urn());
        turn.add(self.platform.restate(), draft).urns()
    }

    /// Finds each node's addresses; a node without any is refused.
    fn place(&self) -> Vec<Placed<'_>> {
        let mut placed = Vec::new();
        for node in &self.cluster.nodes {
            match self.platform.backend().addresses(&node.region, node.index) {
                Ok(addresses) => {
                    let direct = || format!("http://{}/", addresses.fabric);
                    let advertised = node.advertised.clone().unwrap_or_else(direct);
                    placed.push(Placed { node, addresses, advertised });
                }
                Err(error) => self.stack.refuse(Fault::new("T0401", error.to_string())),
            }
        }
        placed
    }

    fn roles(&self, node: &Node) -> std::collections::BTreeSet<Role> {
        let replicated = self.cluster.metadata.as_ref().is_none_or(|metadata| metadata.store.is_none());
        node.roles.clone().unwrap_or_else(|| if replicated { Role::all() } else { Role::without_metadata() })
    }

    /// How long logs are kept: what the program says, else long enough for snapshots to be copied.
    fn trim_delay(&self) -> Interval {
        let lag =
            self.cluster.snapshots.as_ref().filter(|bucket| !bucket.replicated.is_empty()).map(|bucket| bucket.lag);
        self.cluster.trim_delay.unwrap_or_else(|| lag.map_or(TRIM_DELAY, |lag| lag.max(TRIM_DELAY)))
    }

    fn topology(&self, placed: &[Placed<'_>]) -> Topology {
        let cluster = self.cluster;
        let facts = |placed: &Placed<'_>| NodeFacts {
            zone: placed.node.zone.clone(),
            roles: self.roles(placed.node),
            rocksdb_memory: Some(placed.node.rocksdb_memory.unwrap_or(ROCKSDB_MEMORY)),
            memory_limit: placed.node.memory,
            ..NodeFacts::new(&placed.node.name, placed.node.region.name(), &placed.advertised)
        };
        let metadata = match cluster.metadata.as_ref().and_then(|metadata| metadata.store.as_ref()) {
            Some((_, home)) => Metadata::ObjectStore { home: home.clone() },
            None => Metadata::Replicated,
        };
        let regions = || placed.iter().map(|placed| placed.node.region.name());
        let snapshots = cluster.snapshots.as_ref().map(|bucket| Snapshots {
            destinations: regions()
                .filter_map(|region| {
                    Some((region.to_owned(), destination(&bucket.store_of(region)?.bucket, &cluster.name)))
                })
                .collect(),
            replicated: bucket.replicated.clone(),
            replication_lag: bucket.lag,
        });
        Topology {
            cluster: cluster.name.clone(),
            nodes: placed.iter().map(facts).collect(),
            replication: cluster.replication,
            partitions: Some(cluster.partitions),
            metadata,
            provisioning: Provisioning::Explicit,
            snapshots,
            trim_delay: self.trim_delay(),
        }
    }

    /// Tells what is wrong, what is doubtful, and what each failure would do.
    fn examine(&self, topology: &Topology) {
        let findings = checks::check(topology);
        for finding in &findings {
            match finding.severity {
                Severity::Refused => {
                    let message = format!("{}: {}", finding.subject, finding.message);
                    self.stack.refuse(Fault::new(&format!("restate/{}", finding.code), message).help(&finding.help));
                }
                Severity::Warning => {
                    self.stack.warn(
                        &finding.subject,
                        format!("{}; {} [restate/{}]", finding.message, finding.help, finding.code),
                    );
                }
            }
        }
        if findings.iter().any(|finding| finding.severity == Severity::Refused) {
            return;
        }
        let outcomes = survive(topology);
        let headings = ["If this fails", "writes", "data lost", "what you do"].map(str::to_owned);
        let rows = outcomes.iter().map(|outcome| {
            vec![
                outcome.failure.to_string(),
                outcome.writes.to_string(),
                outcome.data.to_string(),
                outcome.action.clone(),
            ]
        });
        self.stack.table(headings.to_vec(), rows.collect());
        for (level, name) in [(Level::Node, "survives=node"), (Level::Region, "survives=region")] {
            let holds = survives(&outcomes, level);
            let why = if holds { "writes go on and nothing is lost" } else { "see the table of failures" };
            self.stack.claim(Claim {
                name: name.to_owned(),
                subject: topology.cluster.clone(),
                holds,
                why: why.to_owned(),
            });
        }
    }

    /// One node at a time, region by region in the order of their declaration, each only while the cluster is healthy.
    fn rollout(&self, placed: &[Placed<'_>], topology: &Topology, ctl: &Output<PathBuf>) -> terrane::RolloutHandle {
        let members = placed.iter().map(|placed| placed.node.name.clone());
        let addresses: Vec<String> =
            placed.iter().map(|placed| format!("http://{}/", placed.addresses.fabric)).collect();
        let expected = watch::expected(topology);
        let gate = Gate::new((ctl,), move |(ctl,), _| {
            let (addresses, expected) = (addresses.clone(), expected.clone());
            async move {
                let seen = watch::during_rollout(&ctl, &addresses, &expected).await;
                Ok(Health { healthy: seen.healthy, text: seen.progress, unhealthy: seen.unhealthy_nodes })
            }
        });
        self.stack.rollout(&self.cluster.name, Rollout::one_at_a_time().ordered_by(members).gate(gate))
    }

    fn serve(&self, turn: &Stack, placed: &Placed<'_>, addresses: &[String], entry: Vec<Urn>) -> Vec<Urn> {
        let node = placed.node;
        let settings = self.settings(placed, addresses);
        let config = settings.to_toml().unwrap_or_else(|error| {
            self.stack.refuse(Fault::new("T0401", format!("{}: {error}", node.name)));
            String::new()
        });
        let mut after = node.after.clone();
        after.extend(entry);
        after.extend(self.cluster.metadata.iter().flat_map(Refers::urns));
        after.extend(self.cluster.snapshots.iter().flat_map(Refers::urns));
        let server = Server {
            name: format!("restate-{}", node.index),
            config,
            secrets: self.secrets(node),
            addresses: placed.addresses.clone(),
            memory_bytes: node.memory.map(Bytes::get),
            cpus: node.cpus,
            after,
        };
        self.platform.backend().serve(turn, &node.region, server)
    }

    fn settings(&self, placed: &Placed<'_>, addresses: &[String]) -> Settings {
        let (cluster, node) = (self.cluster, placed.node);
        let Addresses { fabric, admin, ingress } = &placed.addresses;
        let listener =
            |address: &std::net::SocketAddr| Listener { bind_port: Some(address.port()), ..Listener::default() };
        let metadata = match cluster.metadata.as_ref().and_then(|metadata| metadata.store.as_ref()) {
            Some((store, _)) => MetadataClient::ObjectStore {
                path: destination(&store.bucket, &cluster.name),
                store: store.access.clone(),
            },
            None => MetadataClient::Replicated { addresses: addresses.to_vec() },
        };
        let mut settings = Settings {
            node_name: Some(node.name.clone()),
            cluster_name: Some(cluster.name.clone()),
            location: Some(location(node)),
            roles: self.roles(node),
            auto_provision: Some(false),
            base_dir: Some("{base}".into()),
            fabric: Listener {
                listen_mode: Some(ListenMode::Tcp),
                bind_ip: Some(fabric.ip()),
                bind_port: Some(fabric.port()),
                advertised_host: Some(fabric.ip().to_string()),
                advertised_address: Some(placed.advertised.clone()),
            },
            default_num_partitions: Some(cluster.partitions),
            default_replication: Some(cluster.replication),
            rocksdb_total_memory_size: Some(node.rocksdb_memory.unwrap_or(ROCKSDB_MEMORY)),
            disable_telemetry: Some(true),
            gossip_suspect_interval: Some(SUSPECT),
            log_disable_ansi_codes: Some(true),
            metadata_client: Some(metadata),
            bifrost: Bifrost { default_provider: Some(LogProvider::Replicated) },
            worker: Worker {
                trim_delay_interval: Some(self.trim_delay()),
                snapshots: self.snapshots(node),
                ..Worker::default()
            },
            admin: listener(admin),
            ingress: listener(ingress),
            ..Settings::default()
        };
        if let Some(adjust) = &node.adjust {
            let before = identity(&settings);
            adjust(&mut settings);
            if identity(&settings) != before {
                let message = format!("{}: `.settings(..)` changes what the cluster was checked with", node.name);
                let help = "set name, zone, roles and balancer with the node's own words; who provisions is the cluster's business";
                self.stack.refuse(Fault::new("T0406", message).help(help));
            }
        }
        settings
    }

    fn snapshots(&self, node: &Node) -> Option<SnapshotSettings> {
        let store = self.cluster.snapshots.as_ref()?.store_of(node.region.name())?;
        Some(SnapshotSettings {
            destination: destination(&store.bucket, &self.cluster.name),
            snapshot_interval_num_records: Some(self.cluster.snapshot_records.unwrap_or(SNAPSHOT_RECORDS)),
            store: store.access.clone(),
            ..SnapshotSettings::default()
        })
    }

    /// The secrets of its stores, as the environment variables under which Restate reads them.
    fn secrets(&self, node: &Node) -> Output<BTreeMap<String, String>> {
        let named = |section: &str, secret: &Option<Output<String>>| {
            let name = crate::settings::env_name(&format!("{section}.aws-secret-access-key"));
            secret.as_ref().map(|secret| secret.map(move |secret| (name.clone(), secret)))
        };
        let metadata = self.cluster.metadata.as_ref().and_then(|metadata| metadata.store.as_ref());
        let metadata = metadata.and_then(|(store, _)| named("metadata-client", &store.secret));
        let snapshots = self.cluster.snapshots.as_ref().and_then(|bucket| bucket.store_of(node.region.name()));
        let snapshots = snapshots.and_then(|store| named("worker.snapshots", &store.secret));
        let all: Vec<Output<(String, String)>> = metadata.into_iter().chain(snapshots).collect();
        all.gather().map(|pairs| pairs.into_iter().collect())
    }

    fn state(
        &self,
        placed: &[Placed<'_>],
        topology: &Topology,
        addresses: Vec<String>,
        ctl: &Output<PathBuf>,
        members: &[Urn],
    ) -> DeclaredCluster {
        let nodes: Vec<ExpectedNode> = topology.nodes.iter().map(ExpectedNode::of).collect();
        let urls = |of: fn(&Addresses) -> std::net::SocketAddr| {
            placed.iter().map(move |placed| format!("http://{}", of(&placed.addresses)))
        };
        let draft = ClusterState::new(&self.cluster.name)
            .addresses(addresses)
            .nodes(nodes)
            .replication(topology.replication)
            .partitions(self.cluster.partitions)
            .restatectl(ctl)
            .ingress_urls(urls(|addresses| addresses.ingress).collect::<Vec<_>>())
            .admin_urls(urls(|addresses| addresses.admin).collect::<Vec<_>>())
            .after(members);
        let declared = self.stack.add(self.platform.restate(), draft);
        DeclaredCluster {
            ingress_urls: declared.ingress_urls.clone(),
            admin_urls: declared.admin_urls.clone(),
            metrics_urls: declared.metrics_urls.clone(),
            urns: declared.urns(),
        }
    }
}

/// The addresses of the nodes that keep the metadata themselves, the same list on every node.
fn placed_addresses(topology: &Topology) -> Vec<String> {
    topology.with_role(Role::MetadataServer).map(|node| node.advertised.clone()).collect()
}

fn location(node: &Node) -> String {
    match &node.zone {
        Some(zone) => format!("{}.{zone}", node.region.name()),
        None => node.region.name().to_owned(),
    }
}

/// A bucket and the cluster's own prefix in it.
fn destination(bucket: &str, cluster: &str) -> String {
    format!("s3://{bucket}/{cluster}")
}

/// The settings that the checks and the table of failures are made from.
fn identity(settings: &Settings) -> impl PartialEq + use<> {
    let Settings { node_name, cluster_name, location, roles, auto_provision, fabric, default_replication, .. } =
        settings.clone();
    (
        node_name,
        cluster_name,
        location,
        roles,
        auto_provision,
        fabric,
        default_replication,
        settings.default_num_partitions,
    )
}
