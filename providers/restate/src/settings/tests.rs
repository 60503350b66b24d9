//! The file of a real node, its secrets, and the names of its variables.

use super::*;

fn store() -> ObjectStore {
    ObjectStore {
        aws_region: Some("us-east-1".to_owned()),
        aws_endpoint_url: Some("http://127.9.0.1:9000".to_owned()),
        aws_allow_http: Some(true),
        aws_access_key_id: Some("AKIALAB".to_owned()),
        aws_secret_access_key: Some(terrane::Secret::new("labsecret".to_owned())),
        ..ObjectStore::default()
    }
}

fn node() -> Settings {
    Settings {
        node_name: Some("use1-1".to_owned()),
        cluster_name: Some("s22".to_owned()),
        location: Some("use1".to_owned()),
        roles: Role::without_metadata(),
        auto_provision: Some(true),
        base_dir: Some("/data/use1-1".into()),
        fabric: Listener {
            listen_mode: Some(ListenMode::Tcp),
            bind_ip: Some([127, 1, 0, 1].into()),
            advertised_host: Some("127.1.0.1".to_owned()),
            advertised_address: Some("http://127.1.0.11:5122/".to_owned()),
            ..Listener::default()
        },
        default_num_partitions: Some(6),
        default_replication: Some(Replication::regions(2).nodes(3)),
        rocksdb_total_memory_size: Some(Bytes::mib(192)),
        disable_telemetry: Some(true),
        gossip_suspect_interval: Some(Interval::from_millis(500)),
        log_disable_ansi_codes: Some(true),
        metadata_client: Some(MetadataClient::ObjectStore { path: "s3://meta/s22".to_owned(), store: store() }),
        bifrost: Bifrost { default_provider: Some(LogProvider::Replicated) },
        worker: Worker {
            trim_delay_interval: Some(Interval::from_secs(900)),
            durability_mode: Some(DurabilityMode::SnapshotAndReplicaSet),
            snapshots: Some(SnapshotSettings {
                destination: "s3://snap-use1/s22".to_owned(),
                snapshot_interval_num_records: Some(200),
                store: store(),
                ..SnapshotSettings::default()
            }),
        },
        ..Settings::default()
    }
}

#[test]
fn a_node_of_a_two_region_cluster_prints_the_file_that_restate_takes() {
    let expected = r#"node-name = "use1-1"
cluster-name = "s22"
location = "use1"
roles = ["worker", "admin", "log-server", "http-ingress"]
auto-provision = true
base-dir = "/data/use1-1"
listen-mode = "tcp"
bind-ip = "127.1.0.1"
advertised-host = "127.1.0.1"
advertised-address = "http://127.1.0.11:5122/"
default-num-partitions = 6
default-replication = "{region: 2, node: 3}"
rocksdb-total-memory-size = "192MiB"
disable-telemetry = true
gossip-suspect-interval = "500ms"
log-disable-ansi-codes = true

[metadata-client]
type = "object-store"
path = "s3://meta/s22"
aws-region = "us-east-1"
aws-endpoint-url = "http://127.9.0.1:9000"
aws-allow-http = true
aws-access-key-id = "AKIALAB"

[bifrost]
default-provider = "replicated"

[worker]
trim-delay-interval = "15m"
durability-mode = "snapshot-and-replica-set"

[worker.snapshots]
destination = "s3://snap-use1/s22"
snapshot-interval-num-records = 200
aws-region = "us-east-1"
aws-endpoint-url = "http://127.9.0.1:9000"
aws-allow-http = true
aws-access-key-id = "AKIALAB"
"#;
    assert_eq!(node().to_toml().unwrap(), expected);
}

#[test]
fn the_file_reads_back_without_its_secrets() {
    let mut expected = node();
    expected.admin.bind_port = Some(29070);
    expected.ingress.bind_port = Some(28080);
    expected.metadata_client =
        Some(MetadataClient::Replicated { addresses: vec!["http://127.3.0.1:5122/".to_owned()] });
    expected.metadata_server.auto_join = Some(true);
    if let Some(snapshots) = &mut expected.worker.snapshots {
        snapshots.store.aws_secret_access_key = None;
    }
    let read: Settings = toml::from_str(&expected.to_toml().unwrap()).unwrap();
    assert_eq!(read, expected);
}

#[test]
fn secrets_are_in_the_environment_only() {
    let node = node();
    let expected = [
        ("RESTATE_METADATA_CLIENT__AWS_SECRET_ACCESS_KEY", "labsecret"),
        ("RESTATE_WORKER__SNAPSHOTS__AWS_SECRET_ACCESS_KEY", "labsecret"),
    ];
    assert_eq!(node.secret_env(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    assert!(!node.to_toml().unwrap().contains("labsecret"));
    assert!(!format!("{node:?}").contains("labsecret"));
}

#[test]
fn a_path_of_keys_names_its_variable() {
    assert_eq!(env_name("location"), "RESTATE_LOCATION");
    assert_eq!(
        env_name("worker.snapshots.snapshot-interval-num-records"),
        "RESTATE_WORKER__SNAPSHOTS__SNAPSHOT_INTERVAL_NUM_RECORDS"
    );
}
