//! What the agent is meant to run, as written to `desired.json` before any of it is acted on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::folder::{Folder, write_private};
use crate::spec::{BalancerFault, BalancerSpec, BucketSpec, EndpointSpec, ProcessSpec, ReplicationFault};

/// Everything the agent brings back when it starts.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Desired {
    pub(crate) processes: BTreeMap<String, ProcessSpec>,
    pub(crate) balancers: BTreeMap<String, BalancerSpec>,
    pub(crate) endpoint: Option<EndpointSpec>,
    pub(crate) buckets: BTreeMap<String, BucketSpec>,
    pub(crate) balancer_faults: BTreeMap<String, BalancerFault>,
    /// By bucket, then by peer.
    pub(crate) replication_faults: BTreeMap<String, BTreeMap<String, ReplicationFault>>,
    /// The regions that this one is cut from, with their agents' folders.
    pub(crate) cuts: BTreeMap<String, PathBuf>,
}

impl Desired {
    pub(crate) fn replication_fault(&self, bucket: &str, peer: &str) -> ReplicationFault {
        self.replication_faults.get(bucket).and_then(|peers| peers.get(peer)).cloned().unwrap_or_default()
    }
}

/// The desired state on disk with its copy in memory.
pub(crate) struct DesiredFile {
    folder: Folder,
    state: Mutex<Desired>,
}

impl DesiredFile {
    /// Reads the file, or begins with nothing where there is none.
    pub(crate) fn open(folder: Folder) -> Result<Self> {
        let path = folder.desired();
        let state = match std::fs::read(&path) {
            Ok(content) => serde_json::from_slice(&content).map_err(|error| {
                Error::Invalid(format!("{} can't be read: {error}. Move it away to start empty", path.display()))
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Desired::default(),
            Err(error) => return Err(Error::file("read", &path)(error)),
        };
        Ok(Self { folder, state: Mutex::new(state) })
    }

    /// A copy of the whole.
    pub(crate) fn snapshot(&self) -> Desired {
        self.lock().clone()
    }

    /// Looks at it without copying.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Desired) -> T) -> T {
        look(&self.lock())
    }

    /// Changes it, on disk first: if the write fails, memory keeps the old state.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Desired) -> T) -> Result<()> {
        let mut state = self.lock();
        let mut next = state.clone();
        change(&mut next);
        let content = serde_json::to_vec_pretty(&next).map_err(|error| Error::Invalid(error.to_string()))?;
        write_private(&self.folder.desired(), &content)?;
        *state = next;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Desired> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
