//! `restate:Node`: a server's membership in its cluster. Made when the server joins; ended by a drain, so that nothing it holds is lost.

use crate::{
    Restate,
    ctl::{Logs, Restatectl, Safety, StorageState, WorkerState},
    health::{Node, Partition, Tables, Tail},
    watch,
};
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Duration};
use terrane::{Creation, Error, Found, Live, Progress, Recovery, Resource, Result};
use tokio::time::{Instant, sleep};

/// How long a drain may take.
const DRAINED_WITHIN: Duration = Duration::from_secs(10 * 60);

/// A node of a cluster.
#[derive(Resource, Debug, Clone, Serialize, Deserialize)]
#[resource(kind = "restate:Node", provider = Restate, outputs = MembershipOutputs, recovery = Recovery::Key)]
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
    /// The addresses of the other nodes, to ask them while this one leaves.
    others: Vec<String>,
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
        watch::reach(&self.restatectl, &self.others, |ctl| async move { ctl.tables().await }).await
    }

    /// Takes no new records, partitions and metadata from here on.
    async fn close(&self, id: &str, keeps_metadata: bool, progress: &Progress) -> Result<()> {
        let metadata = if keeps_metadata { vec![id] } else { Vec::new() };
        let close = |ctl: Restatectl| {
            let metadata = metadata.clone();
            async move {
                ctl.set_storage_state(&[id], StorageState::ReadOnly, Safety::Checked).await?;
                progress.permit()?;
                ctl.set_worker_state(&[id], WorkerState::Draining, Safety::Checked).await?;
                progress.permit()?;
                Ok(ctl.remove_metadata_servers(&metadata).await?)
            }
        };
        let closed = watch::change(&self.restatectl, &self.others, progress, close).await;
        closed.map_err(|error| error.context(format!("draining {}", self.node_name)))
    }

    /// Moves on what doesn't move by itself: logs are written elsewhere, and old segments trimmed as far as a snapshot covers them.
    async fn push(&self, tables: &Tables, id: &str, progress: &Progress) -> Result<()> {
        let partitions = u16::try_from(tables.partitions.len()).unwrap_or(u16::MAX);
        let logs: Vec<u32> = written(tables, id).map(|tail| tail.log_id).collect();
        let push = |ctl: Restatectl| {
            let logs = logs.clone();
            async move {
                for log in logs {
                    ctl.reconfigure_log(log).await?;
                    progress.permit()?;
                }
                Ok(ctl.snapshots_create(partitions, Logs::Trimmed).await?)
            }
        };
        watch::change(&self.restatectl, &self.others, progress, push).await.map(|_| ())
    }

    /// What the node still holds, in words; empty when it can go.
    async fn holdings(&self, tables: &Tables, id: &str) -> Result<String> {
        let ask = |ctl: Restatectl| async move { ctl.sql::<Tail>("select * from logs").await };
        let segments = watch::reach(&self.restatectl, &self.others, ask).await?.rows;
        let segments = segments.iter().filter(|segment| is_listed(&segment.nodeset, id)).count();
        let holds = |partition: &&Partition| is_listed(&partition.current_replica_set, id);
        let partitions = tables.partitions.iter().filter(holds).count();
        Ok(match (segments, partitions) {
            (0, 0) => String::new(),
            (segments, partitions) => format!("{segments} segments of logs and {partitions} partitions"),
        })
    }

    /// Moves everything that the node holds to others.
    async fn drain(&self, progress: &Progress) -> Result<()> {
        let tables = self.tables().await?;
        let own = [self.node_name.clone()].into();
        let Some(id) = tables.ids(&own).next() else { return Ok(()) };
        progress.say("draining: no new records");
        let is_member = |node: &Node| node.name == self.node_name && node.metadata_server_state == "member";
        self.close(id, tables.nodes.iter().any(is_member), progress).await?;
        let began = Instant::now();
        loop {
            let tables = self.tables().await?;
            let mut held = self.holdings(&tables, id).await?;
            if held.is_empty() {
                return Ok(());
            }
            progress.permit()?;
            // What can't be done yet is tried again.
            if let Err(error) = self.push(&tables, id, progress).await {
                held = format!("{held}: {error}");
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

/// The logs that are written to a node.
fn written<'a>(tables: &'a Tables, id: &'a str) -> impl Iterator<Item = &'a Tail> {
    tables.tails.iter().filter(move |tail| is_listed(&tail.nodeset, id))
}

/// Whether a list such as `[N1, N2]` or `N1,N2` names a node.
fn is_listed(list: &str, id: &str) -> bool {
    list.trim_matches(['[', ']']).split(',').any(|member| member.trim() == id)
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
