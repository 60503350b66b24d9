//! The `restate.toml` of a cluster's nodes.

use super::declare::{Declaring, Placed};
use crate::{
    backend::Addresses,
    components::Node,
    settings::{
        Bifrost, Bytes, Interval, ListenMode, Listener, LogProvider, MetadataClient, Role, Settings, SnapshotSettings,
        Worker,
    },
};
use std::collections::{BTreeMap, BTreeSet};
use terrane::{Fault, Gather, Output};

/// Records between two snapshots of a partition.
const SNAPSHOT_RECORDS: u64 = 10_000;
/// Memory of RocksDB on a node that says nothing of it: the least that Restate takes.
pub(super) const ROCKSDB_MEMORY: Bytes = Bytes::mib(256);
/// How long a log is kept after its records are durable elsewhere: Restate's default.
const TRIM_DELAY: Interval = Interval::from_secs(10 * 60);
/// How long a node that came back stays suspect. Restate's 5 s are made for real networks; on loopback they are most of the time that a
/// cluster takes to start.
const SUSPECT: Interval = Interval::from_millis(500);

impl Declaring<'_> {
    pub(super) fn roles(&self, node: &Node) -> BTreeSet<Role> {
        let replicated = self.cluster.metadata.as_ref().is_none_or(|metadata| metadata.store.is_none());
        node.roles.clone().unwrap_or_else(|| if replicated { Role::all() } else { Role::without_metadata() })
    }

    /// How long logs are kept: what the program says, else long enough for snapshots to be copied.
    pub(super) fn trim_delay(&self) -> Interval {
        let lag =
            self.cluster.snapshots.as_ref().filter(|bucket| !bucket.replicated.is_empty()).map(|bucket| bucket.lag);
        self.cluster.trim_delay.unwrap_or_else(|| lag.map_or(TRIM_DELAY, |lag| lag.max(TRIM_DELAY)))
    }
    pub(super) fn settings(&self, placed: &Placed<'_>, addresses: &[String]) -> Settings {
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
    pub(super) fn secrets(&self, node: &Node) -> Output<BTreeMap<String, String>> {
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
}

pub(super) fn location(node: &Node) -> String {
    match &node.zone {
        Some(zone) => format!("{}.{zone}", node.region.name()),
        None => node.region.name().to_owned(),
    }
}

/// A bucket and the cluster's own prefix in it.
pub(super) fn destination(bucket: &str, cluster: &str) -> String {
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
