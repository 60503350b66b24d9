//! `restate:Node`: a server's membership in its cluster. Made when the server joins; ended by a drain, so that nothing it holds is lost.

use crate::{
    Restate,
    ctl::{Restatectl, Safety, StorageState, WorkerState},
    health::Tables,
    watch,
};
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Duration};
use terrane::{Creation, Error, Found, Live, Progress, Resource, Result};
use tokio::time::{Instant, sleep};

/// How long a drain may take.
const DRAINED_WITHIN: Duration = Duration::from_secs(10 * 60);

/// A node of a cluster.
#[derive(Resource, Debug, Clone, Serialize, Deserialize)]
#[resource(kind = "restate:Node", provider = Restate, outputs = MembershipOutputs)]
pub struct Membership {
    /// The name by which Restate identifies the node.
    #[input(
        immutable = "Restate identifies a node by its name: under another one it would join as a second node, and the first would be missing"
    )]
    node_name: String,
    /// Its region, and zone if it has one.
    #[input(
        immutable = "data was placed by where the node said it is; a node that moves would break the promise of its copies"
    )]
    location: String,
    /// The address under which other nodes dial it.
    address: String,
    /// The program `restatectl`.
    restatectl: PathBuf,
    /// The addresses of all nodes, to ask the others while this one leaves.
    cluster: Vec<String>,
    /// Whether it keeps a part of the metadata.
    metadata_server: bool,
}

/// What is known of a member.
#[derive(terrane::Outputs, Debug, Clone, Serialize, Deserialize)]
pub struct MembershipOutputs {
    /// The address under which other nodes dial it.
    pub address: String,
}

impl Membership {
    fn outputs(&self) -> MembershipOutputs {
        MembershipOutputs { address: self.address.clone() }
    }

    async fn tables(&self) -> Result<Tables> {
        watch::reach(&self.restatectl, &self.cluster, |ctl| async move { ctl.tables().await }).await
    }

    /// Takes no new records and partitions from here on.
    async fn close(&self, id: &str) -> Result<()> {
        let close = |ctl: Restatectl| async move {
            ctl.set_storage_state(&[id], StorageState::ReadOnly, Safety::Checked).await?;
            ctl.set_worker_state(&[id], WorkerState::Draining, Safety::Checked).await
        };
        let closed = watch::reach(&self.restatectl, &self.cluster, close).await;
        closed.map_err(|error| error.context(format!("draining {}", self.node_name)))
    }

    /// Moves everything that the node holds to others.
    async fn drain(&self, progress: &Progress) -> Result<()> {
        let tables = self.tables().await?;
        let own = [self.node_name.clone()].into();
        let Some(id) = tables.ids(&own).next() else { return Ok(()) };
        progress.say("draining: no new records");
        self.close(id).await?;
        let began = Instant::now();
        loop {
            let held = holdings(&self.tables().await?, id);
            if held.is_empty() {
                return Ok(());
            }
            progress.say(format!("draining: still holds {held}"));
            if began.elapsed() > DRAINED_WITHIN {
                let message = format!("{} still holds {held} after {} s", self.node_name, DRAINED_WITHIN.as_secs());
                return Err(Error::new(message)
                    .code("T0403")
                    .help("the replication may need this node: lower it, or add another first"));
            }
            sleep(Duration::from_millis(300)).await;
        }
    }
}

/// What a node still holds, in words; empty when it can go.
fn holdings(tables: &Tables, id: &str) -> String {
    let listed = |text: &str| text.trim_matches(['[', ']']).split(',').any(|member| member.trim() == id);
    let logs = tables.tails.iter().filter(|tail| listed(&tail.nodeset)).count();
    let partitions = tables.partitions.iter().filter(|partition| listed(&partition.current_replica_set)).count();
    match (logs, partitions) {
        (0, 0) => String::new(),
        (logs, partitions) => format!("{logs} logs and {partitions} partitions"),
    }
}

impl Resource for Membership {
    async fn read((): &(), was: &Live<Self>) -> Result<Option<Live<Self>>> {
        Ok(Some(was.clone()))
    }

    /// The server joins by itself; the cluster's own step waits until it has.
    async fn create(&self, (): &(), _: &Creation) -> Result<MembershipOutputs> {
        Ok(self.outputs())
    }

    async fn update(&self, (): &(), _: &Live<Self>, _: &Progress) -> Result<MembershipOutputs> {
        Ok(self.outputs())
    }

    async fn delete((): &(), was: &Live<Self>, progress: &Progress) -> Result<()> {
        was.inputs.drain(progress).await
    }

    async fn find(&self, (): &(), _: &Creation) -> Result<Found<MembershipOutputs>> {
        Ok(Found::Ours(self.outputs()))
    }
}
