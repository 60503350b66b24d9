//! `restate:NodeEntry`: a node's entry in its cluster's configuration. Restate makes it when the server joins; it is removed once the
//! server is stopped, so that another node may have the name.

use crate::{Restate, ctl::Restatectl, watch};
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Duration};
use terrane::{Creation, Found, Live, Progress, Recovery, Resource, Result};
use tokio::time::{Instant, sleep};

/// How long the others may take to let go of a node that is stopped and drained.
const REMOVED_WITHIN: Duration = Duration::from_secs(60);

/// A node's entry. The server depends on it, and so it outlives the server: one that still ran would at once join anew.
#[derive(Resource, Debug, Clone, Serialize, Deserialize)]
#[resource(kind = "restate:NodeEntry", provider = Restate, outputs = NodeEntryOutputs, recovery = Recovery::Key)]
pub struct NodeEntry {
    /// The name by which Restate identifies the node.
    #[input(replace)]
    node_name: String,
    /// The program `restatectl`.
    restatectl: PathBuf,
    /// The addresses of the other nodes.
    others: Vec<String>,
}

/// What is known of an entry.
#[derive(terrane::Outputs, Debug, Clone, Serialize, Deserialize)]
pub struct NodeEntryOutputs {}

impl NodeEntry {
    /// Removes the entry if there is one; true once the others no longer know it.
    async fn is_removed(&self, progress: &Progress) -> Result<bool> {
        let tables = watch::reach(&self.restatectl, &self.others, |ctl| async move { ctl.tables().await }).await?;
        let own = [self.node_name.clone()].into();
        let ids: Vec<&str> = tables.ids(&own).collect();
        if ids.is_empty() {
            return Ok(true);
        }
        let ids = &ids;
        let remove = |ctl: Restatectl| async move { Ok(ctl.remove_nodes(ids).await?) };
        watch::change(&self.restatectl, &self.others, progress, remove).await.map(|()| false)
    }
}

impl Resource for NodeEntry {
    async fn read((): &(), was: &Live<Self>) -> Result<Option<Live<Self>>> {
        Ok(Some(was.clone()))
    }

    async fn create(&self, (): &(), _: &Creation) -> Result<NodeEntryOutputs> {
        Ok(NodeEntryOutputs {})
    }

    async fn update(&self, (): &(), _: &Live<Self>, _: &Progress) -> Result<NodeEntryOutputs> {
        Ok(NodeEntryOutputs {})
    }

    async fn delete((): &(), was: &Live<Self>, progress: &Progress) -> Result<()> {
        let began = Instant::now();
        loop {
            progress.permit()?;
            match was.inputs.is_removed(progress).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) if began.elapsed() > REMOVED_WITHIN => {
                    return Err(error.context(format!("removing {} from the cluster", was.inputs.node_name)));
                }
                Err(error) => progress.say(format!("not removed yet: {error}")),
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    async fn find(&self, (): &(), _: &Creation) -> Result<Found<NodeEntryOutputs>> {
        Ok(Found::Ours(NodeEntryOutputs {}))
    }
}
