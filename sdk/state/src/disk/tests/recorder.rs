//! A disk that remembers what was done to it, fails where it is told to, and can show what a crash would have left.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use super::super::device::{Device, Handle, Kernel};

/// One change to the disk.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Op {
    CreateFolder(PathBuf),
    Create(PathBuf),
    Write {
        path: PathBuf,
        offset: usize,
        bytes: Vec<u8>,
    },
    Cut {
        path: PathBuf,
        length: usize,
    },
    Sync(PathBuf),
    SyncFolder(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    /// The test was told that all numbers up to this one are durable.
    Acknowledged(u32),
}

/// Which changes fail, and how.
pub(super) type Fault = fn(&Op) -> Option<io::ErrorKind>;

/// Carries out and records changes; syncs are only recorded. What fails isn't on the tape.
#[derive(Debug, Clone, Default)]
pub(super) struct Recorder {
    tape: Arc<Mutex<Vec<Op>>>,
    fault: Option<Fault>,
}

impl Recorder {
    /// The same tape on a disk that fails.
    pub(super) fn failing(&self, fault: Fault) -> Self {
        Self { fault: Some(fault), ..self.clone() }
    }

    pub(super) fn note(&self, op: Op) {
        self.tape.lock().unwrap().push(op);
    }

    pub(super) fn tape(&self) -> Vec<Op> {
        self.tape.lock().unwrap().clone()
    }

    fn step(&self, op: Op) -> io::Result<()> {
        if let Some(kind) = self.fault.and_then(|fault| fault(&op)) {
            return Err(kind.into());
        }
        self.note(op);
        Ok(())
    }
}

impl Device for Recorder {
    fn create_folder(&mut self, path: &Path) -> io::Result<()> {
        self.step(Op::CreateFolder(path.to_owned()))?;
        Kernel.create_folder(path)
    }

    fn create(&mut self, path: &Path) -> io::Result<Handle> {
        self.step(Op::Create(path.to_owned()))?;
        Kernel.create(path)
    }

    fn write(&mut self, handle: &Handle, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let op = Op::Write { path: handle.path.clone(), offset: offset as usize, bytes: bytes.to_vec() };
        if let Err(error) = self.step(op) {
            // A write that fails may have written something.
            Kernel.write(handle, offset, &bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        Kernel.write(handle, offset, bytes)
    }

    fn cut(&mut self, handle: &Handle, length: u64) -> io::Result<()> {
        self.step(Op::Cut { path: handle.path.clone(), length: length as usize })?;
        Kernel.cut(handle, length)
    }

    fn sync(&mut self, handle: &Handle) -> io::Result<()> {
        self.step(Op::Sync(handle.path.clone()))
    }

    fn sync_folder(&mut self, path: &Path) -> io::Result<()> {
        self.step(Op::SyncFolder(path.to_owned()))
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(Op::Rename(from.to_owned(), to.to_owned()))?;
        Kernel.rename(from, to)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.step(Op::Remove(path.to_owned()))?;
        Kernel.remove(path)
    }
}

/// What a crash leaves of the names in the folders.
#[derive(Debug, Clone, Copy)]
pub(super) enum Names {
    AsLastSeen,
    AsLastSynced,
}

/// What a crash leaves of a file's contents.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bytes {
    AsLastSeen,
    AsLastSynced,
    /// The first half of what was not synced.
    Torn,
    /// Zeros, then the second half of what was not synced: sectors reach the disk in any order.
    Holed,
}

#[derive(Clone, Default)]
struct Content {
    seen: Vec<u8>,
    synced: Vec<u8>,
}

/// A model of a disk: what processes see, and what a loss of power leaves of it.
#[derive(Default)]
pub(super) struct Model {
    contents: Vec<Content>,
    seen: BTreeMap<PathBuf, usize>,
    synced: BTreeMap<PathBuf, usize>,
    folders_seen: BTreeSet<PathBuf>,
    folders_synced: BTreeSet<PathBuf>,
}

impl Model {
    pub(super) fn apply(&mut self, op: &Op) {
        match op {
            Op::CreateFolder(path) => {
                self.folders_seen.insert(path.clone());
            }
            Op::Create(path) => match self.seen.get(path).copied() {
                Some(index) => self.contents[index].seen.clear(),
                None => {
                    self.seen.insert(path.clone(), self.contents.len());
                    self.contents.push(Content::default());
                }
            },
            Op::Write { path, offset, bytes } => {
                let seen = &mut self.content(path).seen;
                seen.resize(seen.len().max(offset + bytes.len()), 0);
                seen[*offset..offset + bytes.len()].copy_from_slice(bytes);
            }
            Op::Cut { path, length } => self.content(path).seen.truncate(*length),
            Op::Sync(path) => {
                let content = self.content(path);
                content.synced = content.seen.clone();
            }
            Op::SyncFolder(folder) => self.sync_folder(folder),
            Op::Rename(from, to) => {
                let index = self.seen.remove(from).unwrap();
                self.seen.insert(to.clone(), index);
            }
            Op::Remove(path) => {
                self.seen.remove(path).unwrap();
            }
            Op::Acknowledged(_) => {}
        }
    }

    fn content(&mut self, path: &Path) -> &mut Content {
        &mut self.contents[self.seen[path]]
    }

    fn sync_folder(&mut self, folder: &Path) {
        let is_inside = |path: &PathBuf| path.parent() == Some(folder);
        self.synced.retain(|path, _| !is_inside(path));
        let names = self.seen.iter().filter(|(path, _)| is_inside(path));
        self.synced.extend(names.map(|(path, index)| (path.clone(), *index)));
        self.folders_synced.extend(self.folders_seen.iter().filter(|path| is_inside(path)).cloned());
    }

    /// Writes down, below `to`, what a crash now leaves of `from`.
    pub(super) fn crash(&self, from: &Path, to: &Path, names: Names, bytes: Bytes) {
        let (names, folders) = match names {
            Names::AsLastSeen => (&self.seen, &self.folders_seen),
            Names::AsLastSynced => (&self.synced, &self.folders_synced),
        };
        let target = |path: &Path| to.join(path.strip_prefix(from).unwrap());
        for folder in folders {
            fs::create_dir_all(target(folder)).unwrap();
        }
        for (path, index) in names.iter().filter(|(path, _)| folders.contains(path.parent().unwrap())) {
            fs::write(target(path), self.contents[*index].left(bytes)).unwrap();
        }
    }
}

impl Content {
    fn left(&self, bytes: Bytes) -> Vec<u8> {
        let (seen, synced) = (&self.seen, &self.synced);
        let half = synced.len() + seen.len().saturating_sub(synced.len()) / 2;
        match bytes {
            Bytes::AsLastSynced => synced.clone(),
            Bytes::Torn if half > synced.len() => seen[..half].to_vec(),
            Bytes::Holed if half > synced.len() => {
                let mut left = seen.clone();
                left[synced.len()..half].fill(0);
                left
            }
            Bytes::AsLastSeen | Bytes::Torn | Bytes::Holed => seen.clone(),
        }
    }
}
