//! State in a folder of this machine: `<root>/<project>/<stack>/`, one write-ahead log each.

use crate::{
    Error, Export, Held, Holder, Journal, RestorePoint, Store,
    disk::{self, Access, Disk, Frame, Opened, Snapshot, Space},
    file_keys,
    sealer::{KeyDefault, Sealer},
    secrets::{self, KeyChange, WrappedKey},
};
use async_trait::async_trait;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::UNIX_EPOCH,
};
use terrane_core::{
    Plan, Properties, Record, State,
    failpoint::{Point, reach},
    state::Lineage,
    urn::name_fault,
};

/// Stands where the lineage of a state would in what a configuration file's secrets are bound to.
const CONFIG: &str = "config";

/// The folder for states that were set aside.
const DAMAGED: &str = "damaged";

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

    /// The keys as they are now, unlocked. To be read after the content that is to be opened with them: a rotation in between leaves the
    /// older keys readable, but not the newer one.
    async fn sealer(&self, project: &str, stack: &str) -> Result<Sealer, Error> {
        let folder = self.folder(project, stack)?;
        let wrapped = Self::blocking(move || file_keys::read(&folder)).await?;
        let sealer = Sealer::new(wrapped, KeyDefault::File(self.key_file(project, stack)));
        sealer.unlock().await?;
        Ok(sealer)
    }

    fn key_file(&self, project: &str, stack: &str) -> PathBuf {
        self.root.join("keys").join(project).join(format!("{stack}.key"))
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
        let (store, folder) = (self.clone(), self.folder(project, stack)?);
        let opened = Self::blocking(move || Ok(Disk::open(&folder, Access::Read)?)).await?;
        if opened.disk.last_seq() == 0 {
            return Ok(None);
        }
        let sealer = self.sealer(project, stack).await?;
        Self::blocking(move || store.load(&opened, &sealer).map(Some)).await
    }

    async fn open(&self, project: &str, stack: &str, _: &Holder) -> Result<Arc<dyn Journal>, Error> {
        let (store, folder) = (self.clone(), self.folder(project, stack)?);
        let opened = Self::blocking(move || Ok(Disk::open(&folder, Access::Write)?)).await?;
        let (folder, sealer) = (self.folder(project, stack)?, self.sealer(project, stack).await?);
        Self::blocking(move || {
            let state = store.load(&opened, &sealer)?;
            let (place, lineage) = (folder.display().to_string(), state.lineage.clone());
            let disk = Mutex::new(Some(opened.disk));
            let inner = Arc::new(Inner { disk, folder, sealer, lineage, place });
            Ok(Arc::new(FileJournal { inner, state }) as Arc<dyn Journal>)
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
            let kept = disk::kept(&folder)?;
            kept.into_iter().map(|snapshot| restore_point(&snapshot)).collect()
        })
        .await
    }

    async fn read_at(&self, project: &str, stack: &str, seq: u64) -> Result<State, Error> {
        let (store, folder) = (self.clone(), self.folder(project, stack)?);
        let (lineage, snapshot) = Self::blocking(move || Ok(disk::read_kept(&folder, seq)?)).await?;
        let sealer = self.sealer(project, stack).await?;
        Self::blocking(move || store.fold(&lineage.to_string(), Some((seq, &snapshot)), &[], &sealer)).await
    }

    async fn remove(&self, project: &str, stack: &str, _: &Holder) -> Result<(), Error> {
        let (folder, key) = (self.folder(project, stack)?, self.key_file(project, stack));
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

    async fn set_aside(&self, project: &str, stack: &str, _: &Holder) -> Result<String, Error> {
        let folder = self.folder(project, stack)?;
        let aside = self.root.join(DAMAGED).join(project).join(stack);
        let set_aside = move || {
            disk::set_aside(&folder, &aside, |next| match file_keys::read(&folder) {
                Ok(Some(keys)) => file_keys::create(next, &keys),
                // A key that can't be read is damaged, too.
                Ok(None) | Err(_) => Ok(()),
            })
        };
        Ok(Self::blocking(set_aside).await?.display().to_string())
    }

    async fn seal_plan(&self, plan: &mut Plan) -> Result<(), Error> {
        let sealer = self.sealer(&plan.project, &plan.stack).await?;
        let lineage = plan.lineage.as_str().to_owned();
        plan.visit_secrets(&mut |path, properties| sealer.seal(&lineage, path, properties))?;
        save_key(&sealer, &self.folder(&plan.project, &plan.stack)?)
    }

    async fn open_plan(&self, plan: &mut Plan) -> Result<(), Error> {
        let sealer = self.sealer(&plan.project, &plan.stack).await?;
        let lineage = plan.lineage.as_str().to_owned();
        plan.visit_secrets(&mut |path, properties| sealer.open(&lineage, path, properties))
    }

    async fn seal_export(&self, project: &str, stack: &str, state: State) -> Result<Export, Error> {
        let sealer = self.sealer(project, stack).await?;
        let export = Export::seal(project, stack, state, &sealer)?;
        save_key(&sealer, &self.folder(project, stack)?)?;
        Ok(export)
    }

    async fn open_export(&self, export: Export) -> Result<State, Error> {
        // Checked as names, since they become part of a path; the key file, if there is one, is that of the stack it came from.
        self.folder(&export.project, &export.stack)?;
        let key_file = self.key_file(&export.project, &export.stack);
        let sealer = Sealer::new(export.keys.clone(), KeyDefault::File(key_file));
        sealer.unlock().await?;
        export.open(&sealer)
    }

    async fn keys(&self, project: &str, stack: &str) -> Result<Option<WrappedKey>, Error> {
        file_keys::read(&self.folder(project, stack)?)
    }

    async fn copy_keys(&self, project: &str, from: &str, to: &str) -> Result<(), Error> {
        let (old, new) = (self.folder(project, from)?, self.folder(project, to)?);
        let (old_file, new_file) = (self.key_file(project, from), self.key_file(project, to));
        Self::blocking(move || {
            let (Some(keys), None) = (file_keys::read(&old)?, file_keys::read(&new)?) else { return Ok(()) };
            secrets::copy_key_file(&old_file, &new_file)?;
            file_keys::create(&new, &keys)?;
            reach(Point::KeyWritten);
            Ok(())
        })
        .await
    }

    async fn seal_config(&self, project: &str, stack: &str, values: &mut Properties) -> Result<(), Error> {
        let sealer = self.sealer(project, stack).await?;
        sealer.seal(CONFIG, &format!("{project}/{stack}"), values)?;
        save_key(&sealer, &self.folder(project, stack)?)
    }

    async fn open_config(&self, project: &str, stack: &str, values: &mut Properties) -> Result<(), Error> {
        self.sealer(project, stack).await?.open(CONFIG, &format!("{project}/{stack}"), values)
    }
}

/// Keeps a key that was made on the way.
fn save_key(sealer: &Sealer, folder: &Path) -> Result<(), Error> {
    if let Some(wrapped) = sealer.unsaved() {
        let write = if sealer.is_first() { file_keys::create } else { file_keys::replace };
        write(folder, &wrapped)?;
        reach(Point::KeyWritten);
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
        reach(Point::BeforeSnapshot);
        if let Some(mut state) = state {
            state.visit_secrets(&mut |path, properties| self.sealer.seal(self.lineage.as_str(), path, properties))?;
            let unreadable = |source| Error::Unreadable { place: self.place.clone(), seq: state.seq, source };
            disk.compact(&serde_json::to_vec(&state).map_err(unreadable)?)?;
            reach(Point::AfterSnapshot);
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
        // Each run that changes something ends with a restore point.
        let due = inner.disk().as_ref().is_some_and(Disk::has_appended);
        let state = due.then(|| state.clone());
        FileStore::blocking(move || inner.seal(state)).await
    }

    async fn change_keys(&self, change: &KeyChange) -> Result<WrappedKey, Error> {
        self.inner.sealer.change(change).await
    }

    async fn close(&self) -> Result<(), Error> {
        drop(self.inner.disk().take());
        Ok(())
    }
}
