//! Cuts between regions: which connections this region refuses, and dropping those that are open when a cut begins.
//!
//! On loopback an address doesn't tell who dials, so the far end of a connection is looked up in the kernel's tables and
//! compared with the processes of the other region's agent. That is done only while a cut is active.
//!
//! Caveats: only connections that the agent itself accepts can be cut (balancers and the S3 endpoint), and on systems other
//! than Linux, where the far end stays unknown, a cut refuses every connection.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::folder::Folder;
use super::process::Record;
use super::process_table::{self, Identity};
use super::slots::lock;
use super::{logs, ports};

/// The cuts of this region, and the connections they could concern.
#[derive(Default)]
pub(crate) struct Partition {
    /// The folder of each cut peer's agent.
    cuts: Mutex<BTreeMap<String, PathBuf>>,
    connections: Mutex<HashMap<u64, Connection>>,
    next_connection: AtomicU64,
}

struct Connection {
    ends: Ends,
    dropped: Arc<Notify>,
}

/// Both addresses of an accepted connection.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
}

/// An admitted connection. It stands in the register until this is dropped.
pub(crate) struct Ticket {
    id: u64,
    partition: Arc<Partition>,
    dropped: Arc<Notify>,
}

impl Partition {
    /// Sets all cuts at once and drops the open connections that they concern.
    pub(crate) async fn set(self: &Arc<Self>, cuts: BTreeMap<String, PathBuf>) {
        *lock(&self.cuts) = cuts;
        let partition = Arc::clone(self);
        run_blocking(move || partition.drop_cut()).await;
    }

    /// Whether there is a cut from this peer.
    pub(crate) fn is_cut_from(&self, peer: &str) -> bool {
        lock(&self.cuts).contains_key(peer)
    }

    /// Admits a connection, unless it comes from a region that is cut off.
    pub(crate) async fn admit(self: &Arc<Self>, ends: Ends) -> Option<Ticket> {
        let id = self.next_connection.fetch_add(1, Ordering::Relaxed);
        let dropped = Arc::new(Notify::new());
        // Registered before the cuts are read: a cut that begins now finds the connection either here or there.
        lock(&self.connections).insert(id, Connection { ends, dropped: Arc::clone(&dropped) });
        let ticket = Ticket { id, partition: Arc::clone(self), dropped };
        if lock(&self.cuts).is_empty() {
            return Some(ticket);
        }
        let partition = Arc::clone(self);
        let refused = run_blocking(move || Outside::of(&partition).contains(ends)).await;
        (!refused.unwrap_or(true)).then_some(ticket)
    }

    fn drop_cut(&self) {
        let outside = Outside::of(self);
        if outside.peers == 0 {
            return;
        }
        let open: Vec<(Ends, Arc<Notify>)> = lock(&self.connections)
            .values()
            .map(|connection| (connection.ends, Arc::clone(&connection.dropped)))
            .collect();
        for (ends, dropped) in open {
            if outside.contains(ends) {
                dropped.notify_one();
            }
        }
    }
}

impl Ticket {
    /// Waits until a cut drops this connection.
    pub(crate) async fn dropped(&self) {
        self.dropped.notified().await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        lock(&self.partition.connections).remove(&self.id);
    }
}

/// The processes of all regions that are cut off.
struct Outside {
    peers: usize,
    pids: BTreeSet<u32>,
}

impl Outside {
    fn of(partition: &Partition) -> Self {
        let folders: Vec<PathBuf> = lock(&partition.cuts).values().cloned().collect();
        let roots: BTreeSet<u32> = folders.iter().flat_map(|folder| roots(folder)).collect();
        Self { peers: folders.len(), pids: process_table::family(&roots) }
    }

    fn contains(&self, ends: Ends) -> bool {
        if cfg!(target_os = "linux") { ports::is_dialled_by(ends.peer, ends.local, &self.pids) } else { self.peers > 0 }
    }
}

/// The processes that an agent has started, from its records.
fn roots(folder: &Path) -> Vec<u32> {
    let records = std::fs::read_dir(Folder::new(folder).instances()).into_iter().flatten().flatten();
    let records = records.filter_map(|entry| serde_json::from_slice::<Record>(&std::fs::read(entry.path()).ok()?).ok());
    records.map(|record| record.identity).filter(Identity::is_alive).map(|identity| identity.pid).collect()
}

/// Runs on a thread that may block; `None` if it panicked.
pub(crate) async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => Some(value),
        Err(error) => {
            logs::note(&format!("a task of the agent failed: {error}"));
            None
        }
    }
}
