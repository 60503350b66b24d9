//! Declaring a cluster: its checks, its table of failures, its rollout, and the resources of its nodes.

use super::{
    Cluster, DeclaredCluster,
    configure::{ROCKSDB_MEMORY, destination, location},
};
use crate::{
    Platform,
    backend::{Addresses, Server},
    checks::{self, Severity},
    components::Node,
    resources::{ClusterState, ExpectedNode, Membership, NodeEntry},
    settings::{Bytes, Role},
    survivability::{Level, survive, survives},
    topology::{Metadata, NodeFacts, Provisioning, Snapshots, Topology},
    watch,
};
use std::path::PathBuf;
use terrane::{Claim, Fault, Gate, Health, Options, Output, Refers, Rollout, Stack, Urn};

/// One node and its addresses.
pub(super) struct Placed<'a> {
    pub(super) node: &'a Node,
    pub(super) addresses: Addresses,
    pub(super) advertised: String,
}

impl Placed<'_> {
    /// The addresses of the other nodes.
    fn others(&self, addresses: &[String]) -> Vec<String> {
        let own = self.addresses.fabric_url();
        addresses.iter().filter(|address| **address != own).cloned().collect()
    }
}

/// A cluster on its way into a stack.
pub(super) struct Declaring<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) stack: &'a Stack,
    pub(super) platform: &'a Platform,
}

impl Declaring<'_> {
    pub(super) fn run(&self) -> DeclaredCluster {
        let placed = self.place();
        let topology = self.topology(&placed);
        self.examine(&topology);
        let ctl = self.platform.backend().restatectl(self.stack);
        let rollout = self.rollout(&placed, &topology, &ctl);
        let addresses: Vec<String> = placed.iter().map(|placed| placed.addresses.fabric_url()).collect();
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
                    let direct = || addresses.fabric_url();
                    let advertised = node.advertised.clone().unwrap_or_else(direct);
                    placed.push(Placed { node, addresses, advertised });
                }
                Err(error) => self.stack.refuse(Fault::new("T0401", error.to_string())),
            }
        }
        placed
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
        let addresses: Vec<String> = placed.iter().map(|placed| placed.addresses.fabric_url()).collect();
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
