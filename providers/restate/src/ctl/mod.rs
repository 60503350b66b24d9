//! `restatectl`, the program that operates a cluster, as async calls.
//!
//! Its exit code says little: `provision` succeeds when it failed, `snapshots create` succeeds when no snapshot was
//! made, and after `config set` nothing has changed yet. So success is read from what it prints, and where that proves
//! nothing, the call says so.

mod parse;
mod run;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use hyper::Method;
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;
use tokio::time::timeout;

pub use parse::{Answer, Configuration, Provisioned};

use crate::health::{Node, Tables};
use crate::http;
use crate::replication::Replication;
use crate::settings::Interval;

/// `restatectl` against one node. It asks that node only, so a caller that wants another one makes another value.
#[derive(Debug, Clone)]
pub struct Restatectl {
    /// The program.
    binary: PathBuf,
    /// The node's advertised address, such as `http://127.1.0.11:5122/`.
    address: String,
    /// After which a call is killed.
    time_limit: Interval,
}

/// What went wrong with a call.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The program didn't start.
    #[error(
        "`{binary}` can't be started: {source}; install restatectl of the cluster's version, or give its path",
        binary = .binary.display()
    )]
    Start {
        /// The program.
        binary: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Its output couldn't be read.
    #[error("the output of {command} can't be read: {source}")]
    Read {
        /// The call.
        command: String,
        /// Why.
        source: std::io::Error,
    },
    /// It took too long, and was killed.
    #[error("{command} had no answer after {after}; is the node at that address alive?")]
    Timeout {
        /// The call.
        command: String,
        /// The limit.
        after: Interval,
    },
    /// It printed more than an answer can have.
    #[error("{command} printed more than {limit} bytes")]
    TooMuch {
        /// The call.
        command: String,
        /// The limit.
        limit: u64,
    },
    /// It failed, and said so in one way or another.
    #[error("{command} failed: {message}")]
    Failed {
        /// The call.
        command: String,
        /// What it printed.
        message: String,
    },
    /// It refused what would leave the cluster unable to write.
    #[error("{command} was refused: {message}; lower the replication first, or force it if these nodes are lost")]
    Unsafe {
        /// The call.
        command: String,
        /// What it printed.
        message: String,
    },
    /// It printed something else than it should.
    #[error("{command} gave an answer that isn't understood: {message}")]
    Unreadable {
        /// The call.
        command: String,
        /// What is wrong with it.
        message: String,
    },
}

/// Whether log servers take records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageState {
    /// They do.
    ReadWrite,
    /// They only give them.
    ReadOnly,
    /// They don't exist for the log: for lost nodes, whose copies are then no longer waited for.
    Disabled,
}

/// Whether workers take partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerState {
    /// They do.
    Active,
    /// They hand them over.
    Draining,
}

/// Whether a change of state is checked to leave the cluster able to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safety {
    /// It is, as for a planned drain.
    Checked,
    /// It isn't: the nodes are lost anyway, or come back.
    Forced,
}

/// Whether the logs are trimmed to what a snapshot covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logs {
    /// They stay, until Restate trims them after its delay.
    Kept,
    /// They are trimmed at once: a node that can't read the snapshot can't catch up any more.
    Trimmed,
}

/// How often missing snapshots are asked for again: automatic ones that run at the same time make a request fail.
const SNAPSHOT_ATTEMPTS: u32 = 5;
const SNAPSHOT_PAUSE: Duration = Duration::from_millis(500);

/// How long a node may take to say who it is.
const IDENTITY_LIMIT: Duration = Duration::from_secs(2);

impl Restatectl {
    /// `restatectl` at a path, against the node at an advertised address, with 15 seconds for a call.
    #[must_use]
    pub fn new(binary: impl Into<PathBuf>, address: impl Into<String>) -> Self {
        Self { binary: binary.into(), address: address.into(), time_limit: Interval::from_secs(15) }
    }

    /// Another limit for each call.
    #[must_use]
    pub fn time_limit(mut self, limit: Interval) -> Self {
        self.time_limit = limit;
        self
    }

    /// The rows of a query over the cluster's tables. Rows of nodes that don't answer are missing, which the warnings
    /// say.
    ///
    /// # Errors
    /// No answer, or rows of another shape.
    pub async fn sql<T: DeserializeOwned>(&self, query: &str) -> Result<Answer<T>, Error> {
        let printed = self.run(&["sql", "--json", query]).await?;
        parse::rows(&printed)
    }

    /// All tables that [`Health`](crate::health::Health) is read from, asked for at the same time.
    ///
    /// # Errors
    /// As for [`sql`](Self::sql).
    pub async fn tables(&self) -> Result<Tables, Error> {
        let (nodes, tails, processors, replicas, partitions) = tokio::try_join!(
            self.sql("select * from nodes"),
            self.sql("select * from logs_tail_segments"),
            self.sql("select * from partition_state"),
            self.sql("select * from partition_replica_set"),
            self.sql("select * from partitions"),
        )?;
        let generations = generations(&nodes.rows).await;
        let warnings = [nodes.warnings, tails.warnings, processors.warnings, replicas.warnings, partitions.warnings];
        Ok(Tables {
            nodes: nodes.rows,
            tails: tails.rows,
            processors: processors.rows,
            replicas: replicas.rows,
            partitions: partitions.rows,
            generations,
            warnings: warnings.concat(),
        })
    }

    /// Provisions a cluster whose nodes don't do it themselves. To be called against one node, once all are started.
    ///
    /// # Errors
    /// Anything but the words of success: the exit code is 0 either way.
    pub async fn provision(&self, replication: Replication, partitions: Option<u16>) -> Result<Provisioned, Error> {
        let copies = replication.to_string();
        let mut arguments = vec!["provision", "--yes", "--log-provider", "replicated"];
        arguments.extend(["--log-replication", &copies, "--partition-replication", &copies]);
        let partitions = partitions.map(|count| count.to_string());
        if let Some(count) = &partitions {
            arguments.extend(["--num-partitions", count]);
        }
        let printed = self.run(&arguments).await?;
        parse::provisioned(&printed)
    }

    /// Asks for another replication of logs and partitions. Success means that it is *wanted*; the cluster has it once
    /// [`Health`](crate::health::Health) says so, 10 seconds later or so. It never empties dead or drained nodes by
    /// itself: their storage state decides, not whether they live.
    ///
    /// # Errors
    /// The call failed, or the configuration that is read back isn't the one that was set.
    pub async fn config_set(&self, replication: Replication) -> Result<(), Error> {
        let copies = replication.to_string();
        let printed = self.run(&["config", "set", "--yes", "--replication", &copies]).await?;
        let now = self.config_get().await?;
        let stale = [Some(now.partition_replication), now.log_replication]
            .into_iter()
            .flatten()
            .find(|kept| *kept != replication);
        match stale {
            None => Ok(()),
            Some(kept) => {
                Err(Error::Failed { command: printed.command, message: format!("the cluster still has {kept}") })
            }
        }
    }

    /// The configuration that the cluster wants to have.
    ///
    /// # Errors
    /// No answer, or one without the lines that are looked for.
    pub async fn config_get(&self) -> Result<Configuration, Error> {
        let printed = self.run(&["config", "get"]).await?;
        parse::configuration(&printed)
    }

    /// Takes a snapshot of every partition, by number. Asks again, a few times, while some of them fail.
    ///
    /// # Errors
    /// Partitions without a snapshot after all attempts, with what was said of the last.
    pub async fn snapshots_create(&self, partitions: u16, logs: Logs) -> Result<BTreeMap<u16, String>, Error> {
        let mut arguments = vec!["snapshots", "create"];
        if logs == Logs::Trimmed {
            arguments.push("--trim-log");
        }
        let mut created = BTreeMap::new();
        let mut attempt = 1;
        loop {
            let printed = self.run(&arguments).await?;
            created.extend(parse::snapshots(&printed.stdout));
            if created.len() >= usize::from(partitions) {
                return Ok(created);
            }
            if attempt == SNAPSHOT_ATTEMPTS {
                let message = format!("{} of {partitions} partitions have one; {}", created.len(), printed.complaint());
                return Err(Error::Failed { command: printed.command, message });
            }
            attempt += 1;
            tokio::time::sleep(SNAPSHOT_PAUSE).await;
        }
    }

    /// Changes whether nodes, by plain id (`N3`), take records.
    ///
    /// # Errors
    /// [`Error::Unsafe`] where the cluster couldn't write afterwards.
    pub async fn set_storage_state(&self, ids: &[&str], state: StorageState, safety: Safety) -> Result<(), Error> {
        self.set_state("set-storage-state", ids, ["--storage-state", &state.to_string()], safety).await
    }

    /// Changes whether nodes, by plain id (`N3`), take partitions.
    ///
    /// # Errors
    /// [`Error::Unsafe`] where partitions couldn't be placed afterwards.
    pub async fn set_worker_state(&self, ids: &[&str], state: WorkerState, safety: Safety) -> Result<(), Error> {
        self.set_state("set-worker-state", ids, ["--worker-state", &state.to_string()], safety).await
    }

    /// Ends the newest segment of a log and begins another, on nodes that now take records. Restate does so by itself only where the new
    /// set of nodes would be better than the old one.
    ///
    /// # Errors
    /// The call failed.
    pub async fn reconfigure_log(&self, log: u32) -> Result<(), Error> {
        self.run(&["logs", "reconfigure", "--yes", "--log-id", &log.to_string()]).await.map(|_| ())
    }

    /// Takes nodes out of the replicated metadata store. Its last member stays.
    ///
    /// # Errors
    /// The call failed.
    pub async fn remove_metadata_servers(&self, ids: &[&str]) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        self.run(&["metadata-server", "remove-node", "--yes", &ids.join(",")]).await.map(|_| ())
    }

    /// Takes nodes out of the cluster's configuration for good: their ids are never given again, their names are free. A server that
    /// still runs would join anew at once, so it has to be stopped first.
    ///
    /// # Errors
    /// The call failed, as it does while a log has a segment on one of them, however old.
    pub async fn remove_nodes(&self, ids: &[&str]) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        self.run(&["nodes", "remove", "--yes", "--nodes", &ids.join(",")]).await.map(|_| ())
    }

    async fn set_state(&self, verb: &str, ids: &[&str], state: [&str; 2], safety: Safety) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        let ids = ids.join(",");
        let mut arguments = vec!["nodes", verb, "--yes", "--nodes", &ids];
        arguments.extend(state);
        if safety == Safety::Forced {
            arguments.push("--force");
        }
        self.run(&arguments).await.map(|_| ())
    }
}

/// The generations that nodes seen as alive say they have, by name. Asked at the nodes' own addresses, all at the same time.
async fn generations(nodes: &[Node]) -> BTreeMap<String, Option<String>> {
    let mut asked = JoinSet::new();
    for node in nodes.iter().filter(|node| node.state == "alive" && node.address.starts_with("http://")) {
        let (name, url) = (node.name.clone(), format!("{}/health", node.address.trim_end_matches('/')));
        asked.spawn(async move {
            let answer = timeout(IDENTITY_LIMIT, http::ask(Method::GET, &url, None)).await;
            let identity = answer.ok().and_then(Result::ok).and_then(|answer| answer.json().ok());
            (name, identity.and_then(|identity| Some(identity["node_id"].as_str()?.to_owned())))
        });
    }
    let mut generations = BTreeMap::new();
    while let Some(answer) = asked.join_next().await {
        generations.extend(answer);
    }
    generations
}

impl fmt::Display for StorageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "read-only",
            Self::Disabled => "disabled",
        })
    }
}

impl fmt::Display for WorkerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Draining => "draining",
        })
    }
}
