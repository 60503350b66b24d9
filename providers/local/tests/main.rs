//! The region agent, with real processes, sockets and files. Each test has agents of its own in a folder of its own.

#![expect(clippy::unwrap_used, reason = "a test that can't go on must fail")]

mod balancers;
mod processes;
mod replication;
mod s3;
mod storage;
mod support;

use std::path::PathBuf;

/// Not a test: where this binary, started again by a test, becomes an agent.
#[test]
fn agent_entry() {
    let Some(folder) = std::env::var_os(support::FOLDER_VARIABLE) else { return };
    let region = std::env::var(support::REGION_VARIABLE).unwrap();
    terrane_local::agent::serve(&terrane_local::agent::Options { region, folder: PathBuf::from(folder) }).unwrap();
}
