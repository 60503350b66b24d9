//! The example `restate-cluster`, with the ports that it has for everybody: one of its three nodes may fail.

use crate::support::{
    callers::{add, add_somehow},
    processes,
    rehearsal::Rehearsal,
    service,
    watch::Cluster,
};
use serde_json::Value;
use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

#[test]
fn a_cluster_of_three_goes_on_without_one() {
    let rehearsal = Rehearsal::of(build("restate-cluster"));
    rehearsal.configure(include_str!("../../../examples/restate-cluster/terrane.toml"));
    rehearsal.up();
    rehearsal.is_settled();
    let cluster = Cluster::named(&rehearsal, "restate-cluster");
    let registered = cluster.register(&service::serve());
    assert!(registered.starts_with("HTTP/1.1 201"), "{registered}");
    assert_eq!(add(&cluster.ingresses[0], "kept", 1, "one"), Ok(1));
    processes::kill(&[processes::server(&rehearsal.local(), "local", "restate-0")]);
    assert_eq!(add_somehow(&cluster.ingresses[1..], "kept", 1, "two"), Ok(2));
    rehearsal.destroy();
}

/// Builds an example's program, and says where it is.
fn build(package: &str) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--message-format=json", "--package", package]).stderr(Stdio::inherit());
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{package} does not build");
    let messages = String::from_utf8(output.stdout).unwrap();
    let executable = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        message["executable"].as_str().map(PathBuf::from)
    };
    messages.lines().find_map(executable).unwrap()
}
