//! The region's processes: putting, removing and restarting them by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::desired::DesiredFile;
use super::error::{Error, Result};
use super::folder::{Folder, check_name, remove_folder_if_there};
use super::logs;
use super::process::Home;
use super::slots::Slots;
use super::supervisor::{Supervisor, check, check_addresses};
use crate::spec::{Change, Data, ProcessSpec};
use crate::status::ProcessStatus;

/// All processes of a region.
pub(crate) struct Processes {
    folder: Folder,
    desired: Arc<DesiredFile>,
    slots: Slots<Supervisor>,
}

impl Processes {
    pub(crate) fn new(folder: Folder, desired: Arc<DesiredFile>) -> Self {
        Self { folder, desired, slots: Slots::default() }
    }

    /// Begins to supervise everything that is desired.
    pub(crate) fn restore(&self) {
        for (name, spec) in self.desired.snapshot().processes {
            let supervisor = Supervisor::start(self.home(&name), spec);
            self.slots.slot(&name).set(Some(supervisor));
        }
    }

    pub(crate) async fn put(&self, name: &str, spec: ProcessSpec) -> Result<Change> {
        check_name("process", name)?;
        check(&spec)?;
        let slot = self.slots.slot(name);
        let _change = slot.change.lock().await;
        let known = self.desired.read(|desired| desired.processes.get(name).cloned());
        if known.as_ref() == Some(&spec) && slot.get().is_some() {
            return Ok(Change::Unchanged);
        }
        check_addresses(&self.home(name), &spec)?;
        self.desired.change(|desired| desired.processes.insert(name.to_owned(), spec.clone()))?;
        if let Some(old) = slot.get() {
            old.stop().await;
        }
        slot.set(Some(Supervisor::start(self.home(name), spec)));
        Ok(if known.is_some() { Change::Replaced } else { Change::Created })
    }

    pub(crate) async fn remove(&self, name: &str, data: Data) -> Result<Change> {
        check_name("process", name)?;
        let slot = self.slots.slot(name);
        let _change = slot.change.lock().await;
        let was_known = self.desired.read(|desired| desired.processes.contains_key(name));
        self.desired.change(|desired| desired.processes.remove(name))?;
        // It stays in its place while it stops, so that its status can be seen.
        if let Some(old) = slot.get() {
            old.stop().await;
        }
        slot.set(None);
        if data == Data::Deleted {
            remove_folder_if_there(&self.folder.process(name))?;
            logs::remove(&self.folder.log(name))?;
        }
        Ok(if was_known { Change::Removed } else { Change::Absent })
    }

    pub(crate) async fn restart(&self, name: &str) -> Result<()> {
        self.find(name)?.restart().await;
        Ok(())
    }

    /// The status of one process.
    pub(crate) fn get(&self, name: &str) -> Result<ProcessStatus> {
        self.find(name).map(|process| process.status())
    }

    fn find(&self, name: &str) -> Result<Arc<Supervisor>> {
        self.slots.get(name).ok_or_else(|| Error::NotFound { what: "process", name: name.to_owned() })
    }

    /// Stops all of them at the same time.
    pub(crate) async fn stop_all(&self) {
        let mut stops = tokio::task::JoinSet::new();
        for (_, process) in self.slots.all() {
            stops.spawn(async move { process.stop().await });
        }
        stops.join_all().await;
    }

    pub(crate) fn status(&self) -> BTreeMap<String, ProcessStatus> {
        self.slots.all().into_iter().map(|(name, process)| (name, process.status())).collect()
    }

    fn home(&self, name: &str) -> Home {
        Home { folder: self.folder.clone(), name: name.to_owned() }
    }
}
