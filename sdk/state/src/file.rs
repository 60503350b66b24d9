//! State in a folder of this machine: `<root>/<project>/<stack>/`, one write-ahead log each.

use crate::{
    Error, Held, Holder, Journal, RestorePoint, Store,
    disk::{self, Access, Disk, Frame, Opened, Snapshot, Space},
    file_keys,
    sealer::Sealer,
};
use async_trait::async_trait;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::UNIX_EPOCH,
};
use terrane_core::{Plan, Record, State, state::Lineage, urn::name_fault};

/// State in a folder.
#[derive(Debug, Clone)]
pub struct FileStore {
    root: PathBuf,
}

impl FileStore {
    /// The store in a folder, which is made when the first stack is.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn folder(&self, project: &str, stack: &str) -> Result<PathBuf, Error> {
        for (what, name) in [("project", project), ("stack", stack)] {
            if let Some(fault) = name_fault(name) {
                let url = name.escape_debug().to_string();
                return Err(Error::Place { url, why: format!("as the name of a {what}: {fault}") });
            }
        }
        Ok(self.root.join(project).join(stack))
    }

    fn sealer(&self, project: &str, stack: &str) -> Result<Sealer, Error> {
        let key_file = self.root.join("keys").join(project).join(format!("{stack}.key"));
        Ok(Sealer::new(file_keys::read(&self.folder(project, stack)?)?, key_file))
    }

    fn load(&self, opened: &Opened, sealer: &Sealer) -> Result<State, Error> {
        let seq = opened.frames.first().map_or(opened.disk.last_seq(), |frame| frame.seq - 1);
        let snapshot = opened.snapshot.as_deref().map(|bytes| (seq, bytes));
        self.fold(&opened.disk.lineage().to_string(), snapshot, &opened.frames, sealer)
    }

    /// The state that a snapshot, if there is one, and the records after it amount to.
    fn fold(
        &self,
        lineage: &str,
        snapshot: Option<(u64, &[u8])>,
        frames: &[Frame],
        sealer: &Sealer,
    ) -> Result<State, Error> {
        let unreadable = |seq| move |source| Error::Unreadable { place: self.place(), seq, source };
        let mut state = match snapshot {
            None => State::new(Lineage::new(lineage)),
            Some((seq, bytes)) => {
                let mut state: State = serde_json::from_slice(bytes).map_err(unreadable(seq))?;
                state.visit_secrets(&mut |path, properties| sealer.open(lineage, path, properties))?;
                state
            }
        };
        for frame in frames {
            let mut record: Record = serde_json::from_slice(&frame.payload).map_err(unreadable(frame.seq))?;
            record.visit_secrets(&mut |path, properties| sealer.open(lineage, path, properties))?;
            state.apply(&record)?;
        }
        Ok(state)
    }

    async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
        tokio::task::spawn_blocking(work).await.map_err(|_| Error::Cancelled)?
    }
}

#[async_trait]
impl Store for FileStore {
    fn place(&self) -> String {
        format!("file://{}", self.root.display())
    }

    async fn stacks(&self, project: &str) -> Result<Vec<String>, Error> {
        let folder = self.folder(project, "any")?;
        let folder = folder.parent().map(PathBuf::from).unwrap_or_default();
        let io = |source| Error::Disk(disk::Error::Io { action: "list", path: folder.clone(), source });
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io(error)),
        };
        let mut stacks = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io)?;
            if entry.path().join("log").exists() {
                stacks.extend(entry.file_name().into_string().ok());
            }
        }
        stacks.sort();
        Ok(stacks)
    }

    async fn read(&self, project: &str, stack: &str) -> Result<Option<State>, Error> {
        let (store, folder, sealer) = (self.clone(), self.folder(project, stack)?, self.sealer(project, stack)?);
        Self::blocking(move || {
            let opened = Disk::open(&folder, Access::Read)?;
            let exists = opened.disk.last_seq() > 0;
            exists.then(|| store.load(&opened, &sealer)).transpose()
        })
        .await
    }

    async fn open(&self, project: &str, stack: &str, _: &Holder) -> Result<Arc<dyn Journal>, Error> {
        let (store, folder, sealer) = (self.clone(), self.folder(project, stack)?, self.sealer(project, stack)?);
        Self::blocking(move || {
            let opened = Disk::open(&folder, Access::Write)?;
            let state = store.load(&opened, &sealer)?;
            let place = folder.display().to_string();
            let inner =
                Inner { disk: Mutex::new(Some(opened.disk)), folder, sealer, lineage: state.lineage.clone(), place };
            Ok(Arc::new(FileJournal { inner: Arc::new(inner), state }) as Arc<dyn Journal>)
        })
        .await
    }

    async fn held(&self, project: &str, stack: &str) -> Result<Option<Held>, Error> {
        let folder = self.folder(project, stack)?;
        let holder = Self::blocking(move || Ok(disk::holder(&folder)?)).await?;
        Ok(holder.map(|holder| Held { holder, silent_ms: 0, takeover_in_ms: None }))
    }

    async fn unlock(&self, project: &str, stack: &str, _: &Holder) -> Result<Option<Holder>, Error> {
        match self.held(project, stack).await? {
            Some(held) => Err(Error::Locked { holder: Some(Box::new(held.holder)) }),
            None => Ok(None),
        }
    }

    async fn restore_points(&self, project: &str, stack: &str) -> Result<Vec<RestorePoint>, Error> {
        let folder = self.folder(project, stack)?;
        Self::blocking(move || {
            let kept = Disk::open(&folder, Access::Read)?.disk.snapshots()?;
            kept.into_iter().map(|snapshot| restore_point(&snapshot)).collect()
        })
        .await
    }

    async fn read_at(&self, project: &str, stack: &str, seq: u64) -> Result<State, Error> {
        let (store, folder, sealer) = (self.clone(), self.folder(project, stack)?, self.sealer(project, stack)?);
        Self::blocking(move || {
            let disk = Disk::open(&folder, Access::Read)?.disk;
            store.fold(&disk.lineage().to_string(), Some((seq, &disk.read_snapshot(seq)?)), &[], &sealer)
        })
        .await
    }

    async fn remove(&self, project: &str, stack: &str, _: &Holder) -> Result<(), Error> {
        let (folder, key) =
            (self.folder(project, stack)?, self.root.join("keys").join(project).join(format!("{stack}.key")));
        Self::blocking(move || {
            let opened = Disk::open(&folder, Access::Write)?;
            let io = |source| Error::Disk(disk::Error::Io { action: "remove", path: folder.clone(), source });
            fs::remove_dir_all(&folder).map_err(io)?;
            drop(opened);
            match fs::remove_file(&key) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(io(error)),
                _ => Ok(()),
            }
        })
        .await
    }

    async fn seal_plan(&self, plan: &mut Plan) -> Result<(), Error> {
        let sealer = self.sealer(&plan.project, &plan.stack)?;
        let lineage = plan.lineage.as_str().to_owned();
        plan.visit_secrets(&mut |path, properties| sealer.seal(&lineage, path, properties))?;
        save_key(&sealer, &self.folder(&plan.project, &plan.stack)?)
    }

    async fn open_plan(&self, plan: &mut Plan) -> Result<(), Error> {
        let sealer = self.sealer(&plan.project, &plan.stack)?;
        let lineage = plan.lineage.as_str().to_owned();
        plan.visit_secrets(&mut |path, properties| sealer.open(&lineage, path, properties))
    }
}

/// Keeps a key that was made on the way.
fn save_key(sealer: &Sealer, folder: &Path) -> Result<(), Error> {
    if let Some(wrapped) = sealer.unsaved() {
        file_keys::write(folder, &wrapped)?;
        sealer.saved();
    }
    Ok(())
}

fn restore_point(snapshot: &Snapshot) -> Result<RestorePoint, Error> {
    let io = |source| Error::Disk(disk::Error::Io { action: "look at", path: snapshot.path.clone(), source });
    let metadata = fs::metadata(&snapshot.path).map_err(io)?;
    let since = metadata.modified().map_err(io)?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let at_ms = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    Ok(RestorePoint { seq: snapshot.seq, at_ms, bytes: metadata.len() })
}

struct Inner {
    /// None when it is closed.
    disk: Mutex<Option<Disk>>,
    folder: PathBuf,
    sealer: Sealer,
    lineage: Lineage,
    place: String,
}

struct FileJournal {
    inner: Arc<Inner>,
    state: State,
}

impl Inner {
    fn commit(&self, records: Vec<Record>) -> Result<(), Error> {
        let mut payloads = Vec::with_capacity(records.len());
        for mut record in records {
            record.visit_secrets(&mut |path, properties| self.sealer.seal(self.lineage.as_str(), path, properties))?;
            let seq = 0;
            let unreadable = |source| Error::Unreadable { place: self.place.clone(), seq, source };
            payloads.push(serde_json::to_vec(&record).map_err(unreadable)?);
        }
        save_key(&self.sealer, &self.folder)?;
        match self.disk().as_mut().ok_or(Error::Cancelled)?.append(&payloads)?.space {
            Space::Enough => Ok(()),
            Space::Low => Err(Error::Full { place: self.place.clone() }),
        }
    }

    fn disk(&self) -> MutexGuard<'_, Option<Disk>> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seal(&self, state: Option<State>) -> Result<(), Error> {
        let mut disk = self.disk();
        let disk = disk.as_mut().ok_or(Error::Cancelled)?;
        disk.seal()?;
        if let Some(mut state) = state {
            state.visit_secrets(&mut |path, properties| self.sealer.seal(self.lineage.as_str(), path, properties))?;
            let unreadable = |source| Error::Unreadable { place: self.place.clone(), seq: state.seq, source };
            disk.compact(&serde_json::to_vec(&state).map_err(unreadable)?)?;
        }
        Ok(())
    }
}

#[async_trait]
impl Journal for FileJournal {
    fn state(&self) -> State {
        self.state.clone()
    }

    async fn commit(&self, records: Vec<Record>) -> Result<(), Error> {
        let inner = self.inner.clone();
        FileStore::blocking(move || inner.commit(records)).await
    }

    async fn seal(&self, state: &State) -> Result<(), Error> {
        let inner = self.inner.clone();
        let due = inner.disk().as_ref().is_some_and(Disk::is_compaction_due);
        let state = due.then(|| state.clone());
        FileStore::blocking(move || inner.seal(state)).await
    }

    async fn close(&self) -> Result<(), Error> {
        drop(self.inner.disk().take());
        Ok(())
    }
}
