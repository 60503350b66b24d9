//! State in a folder of this machine: `<root>/<project>/<stack>/`, one write-ahead log each.

use crate::{
    Error, Export, Held, Holder, Journal, RestorePoint, Store,
    disk::{self, Access, Device, Disk, Frame, Kernel, Lock, Opened, Snapshot, Space},
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

#[cfg(test)]
mod tests;

/// Stands where the lineage of a state would in what a configuration file's secrets are bound to.
const CONFIG: &str = "config";

/// The folder for states that were set aside.
const DAMAGED: &str = "damaged";
/// The folder for states that are being removed.
const REMOVED: &str = "removed";

/// Makes what changes the disk, for one opening of a state.
pub type Devices = Arc<dyn Fn() -> Box<dyn Device> + Send + Sync>;

/// State in a folder.
#[derive(Clone)]
pub struct FileStore {
    root: PathBuf,
    devices: Devices,
}

impl FileStore {
    /// The store in a folder, which is made when the first stack is.
    pub fn new(root: PathBuf) -> Self {
        Self::on(root, Arc::new(|| Box::new(Kernel)))
    }

    /// The same on other devices than the real ones.
    pub fn on(root: PathBuf, devices: Devices) -> Self {
        Self { root, devices }
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

    /// The key file of any stack of a project that has a key: the stack that was exported may have another name by now.
    fn file_of_key(&self, project: &str, keys: &WrappedKey) -> Option<PathBuf> {
        let folder = fs::read_dir(self.root.join("keys").join(project)).ok()?;
        folder.flatten().map(|entry| entry.path()).find(|path| secrets::has_key(path, keys.key_id()))
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

    fn aside(&self, of: &str, project: &str, stack: &str) -> PathBuf {
        self.root.join(of).join(project).join(stack)
    }

    /// Locks a state that is to go, and unlocks its keys; none where there is no folder.
    async fn lock(
        &self,
        project: &str,
        stack: &str,
        holder: &Holder,
    ) -> Result<Option<(Lock, Result<Sealer, Error>)>, Error> {
        let (folder, holder) = (self.folder(project, stack)?, holder.clone());
        if !folder.exists() {
            return Ok(None);
        }
        let lock = Self::blocking(move || Ok(Lock::acquire(&folder, &holder)?)).await?;
        Ok(Some((lock, self.sealer(project, stack).await)))
    }

    /// Refuses a state that loads, whatever it was when a person was asked.
    fn check_damaged(&self, folder: &Path, sealer: Result<Sealer, Error>) -> Result<(), Error> {
        let load = |sealer| self.load(&Disk::open(folder, Access::Read)?, &sealer);
        match sealer.and_then(load) {
            Err(error) if error.is_damage() => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(Error::Whole { place: folder.display().to_string() }),
        }
    }

    async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => runtime.spawn_blocking(work).await.map_err(|_| Error::Cancelled)?,
            // A simulation has one thread and no runtime, and its disk takes no time.
            Err(_) => work(),
        }
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

    async fn open(&self, project: &str, stack: &str, holder: &Holder) -> Result<Arc<dyn Journal>, Error> {
        let (store, folder, removed) =
            (self.clone(), self.folder(project, stack)?, self.aside(REMOVED, project, stack));
        let (devices, holder) = (self.devices.clone(), holder.clone());
        let mut opened = Self::blocking(move || {
            let opened = Disk::open_as(devices(), &folder, &holder)?;
            // What a removal left that was cut off harms nobody: the next one sweeps it up, too.
            let _ = disk::sweep(&removed);
            Ok(opened)
        })
        .await?;
        let (folder, sealer) = (self.folder(project, stack)?, self.sealer(project, stack).await?);
        Self::blocking(move || {
            let state = store.load(&opened, &sealer)?;
            opened.disk.keep_left()?;
            let open = Mutex::new(Some(Open { disk: opened.disk, fold: None }));
            let inner = Inner { open, store, folder, sealer, opened: state };
            Ok(Arc::new(FileJournal(Arc::new(inner))) as Arc<dyn Journal>)
        })
        .await
    }

    async fn held(&self, project: &str, stack: &str) -> Result<Option<Held>, Error> {
        let folder = self.folder(project, stack)?;
        let holder = Self::blocking(move || Ok(disk::holder(&folder)?)).await?;
        Ok(holder.map(|holder| Held { holder, silent_ms: 0, takeover_in_ms: None }))
    }

    async fn unlock(&self, project: &str, stack: &str, _: &Holder) -> Result<bool, Error> {
        match self.held(project, stack).await? {
            Some(held) => Err(Error::Locked { holder: Some(Box::new(held.holder)) }),
            None => Ok(false),
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

    async fn remove(&self, project: &str, stack: &str, holder: &Holder) -> Result<(), Error> {
        let (folder, removed) = (self.folder(project, stack)?, self.aside(REMOVED, project, stack));
        let Some((lock, sealer)) = self.lock(project, stack, holder).await? else { return Ok(()) };
        Self::blocking(move || {
            disk::sweep(&removed)?;
            let keys = lasting(&folder, &sealer);
            let place = disk::set_aside(&lock, &removed, |next| keep(next, keys))?;
            Ok(disk::delete(&place)?)
        })
        .await
    }

    async fn set_aside(&self, project: &str, stack: &str, holder: &Holder) -> Result<String, Error> {
        let (store, folder, aside) = (self.clone(), self.folder(project, stack)?, self.aside(DAMAGED, project, stack));
        let locked = self.lock(project, stack, holder).await?;
        let (lock, sealer) = locked.ok_or_else(|| Error::Whole { place: folder.display().to_string() })?;
        Self::blocking(move || {
            let keys = lasting(&folder, &sealer);
            store.check_damaged(&folder, sealer)?;
            let place = disk::set_aside(&lock, &aside, |next| keep(next, keys))?;
            Ok(place.display().to_string())
        })
        .await
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
        // Checked as names, since they become part of a path.
        self.folder(&export.project, &export.stack)?;
        let own = self.key_file(&export.project, &export.stack);
        let key_file = export.keys.as_ref().and_then(|keys| self.file_of_key(&export.project, keys)).unwrap_or(own);
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

/// The keys of a state that goes, for the one that may come: what is sealed elsewhere opens with them. With keys that are gone or damaged the
/// stack could not begin anew.
fn lasting(folder: &Path, sealer: &Result<Sealer, Error>) -> Option<WrappedKey> {
    match sealer {
        Err(error) if error.is_damage() => None,
        _ => file_keys::read(folder).ok().flatten(),
    }
}

fn keep(folder: &Path, keys: Option<WrappedKey>) -> Result<(), Error> {
    keys.map_or(Ok(()), |keys| file_keys::create(folder, &keys))
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

/// A journal: what a stack's state was when it was opened, and what is open of it.
struct Inner {
    /// None when it is closed.
    open: Mutex<Option<Open>>,
    store: FileStore,
    folder: PathBuf,
    sealer: Sealer,
    opened: State,
}

struct Open {
    disk: Disk,
    /// The state after the last record, from the first commit on. Given up when records that it has were not written after all.
    fold: Option<State>,
}

struct FileJournal(Arc<Inner>);

impl Inner {
    /// Who writes has checked each record against its own state. That state may have records of a commit that failed, though, and no reader
    /// would ever take one that rests on those. To follow costs each record once, as it costs a reader.
    fn commit(&self, records: Vec<Record>) -> Result<(), Error> {
        let mut open = self.open();
        let Open { disk, fold } = open.as_mut().ok_or(Error::Cancelled)?;
        let mut state = self.fold(disk, fold)?;
        state.apply_all(&records)?;
        let payloads = records.into_iter().map(|record| self.payload(record)).collect::<Result<Vec<_>, _>>()?;
        save_key(&self.sealer, &self.folder)?;
        let appended = disk.append(&payloads)?;
        *fold = Some(state);
        match appended.space {
            Space::Enough => Ok(()),
            Space::Low => Err(Error::Full { place: self.place() }),
        }
    }

    /// Takes the state after the last record; where there is none, it is that of the opening, or is read again.
    fn fold(&self, disk: &Disk, fold: &mut Option<State>) -> Result<State, Error> {
        match fold.take() {
            Some(state) => Ok(state),
            None if disk.last_seq() == self.opened.seq => Ok(self.opened.clone()),
            None => self.store.load(&Disk::open(&self.folder, Access::Read)?, &self.sealer),
        }
    }

    fn payload(&self, mut record: Record) -> Result<Vec<u8>, Error> {
        record.visit_secrets(&mut |path, properties| self.seal_secrets(path, properties))?;
        serde_json::to_vec(&record).map_err(|source| Error::Unreadable { place: self.place(), seq: 0, source })
    }

    fn seal_secrets(&self, path: &str, properties: &mut Properties) -> Result<(), Error> {
        self.sealer.seal(self.opened.lineage.as_str(), path, properties)
    }

    fn place(&self) -> String {
        self.folder.display().to_string()
    }

    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seals what is durable. Each run that changes something ends with a restore point.
    fn seal(&self) -> Result<(), Error> {
        let mut open = self.open();
        let Open { disk, fold } = open.as_mut().ok_or(Error::Cancelled)?;
        // Where there is no room for the seal, the records are durable nevertheless.
        let full = |error| match error {
            disk::Error::DiskFull { .. } => Error::Full { place: self.place() },
            error => error.into(),
        };
        disk.seal().map_err(full)?;
        reach(Point::BeforeSnapshot);
        if disk.has_appended() {
            let mut state = self.fold(disk, fold)?;
            state.visit_secrets(&mut |path, properties| self.seal_secrets(path, properties))?;
            let unreadable = |source| Error::Unreadable { place: self.place(), seq: state.seq, source };
            disk.compact(&serde_json::to_vec(&state).map_err(unreadable)?).map_err(full)?;
            reach(Point::AfterSnapshot);
        }
        Ok(())
    }
}

#[async_trait]
impl Journal for FileJournal {
    fn state(&self) -> State {
        self.0.opened.clone()
    }

    async fn commit(&self, records: Vec<Record>) -> Result<(), Error> {
        let inner = self.0.clone();
        FileStore::blocking(move || inner.commit(records)).await
    }

    async fn seal(&self, _: &State) -> Result<(), Error> {
        let inner = self.0.clone();
        FileStore::blocking(move || inner.seal()).await
    }

    async fn change_keys(&self, change: &KeyChange) -> Result<WrappedKey, Error> {
        self.0.sealer.change(change).await
    }

    async fn close(&self) -> Result<(), Error> {
        drop(self.0.open().take());
        Ok(())
    }
}
