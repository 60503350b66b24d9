//! What a loss of power leaves of files: names and contents as they were synced last, or as they were seen last, or something between.

use fastrand::Rng;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

#[derive(Clone, Default)]
struct Content {
    seen: Vec<u8>,
    synced: Vec<u8>,
    /// Whether a sync has failed: what was not durable then is taken for durable from then on, and isn't.
    lost: bool,
}

/// A model of the files that were changed.
#[derive(Default)]
pub(super) struct Model {
    contents: Vec<Content>,
    seen: BTreeMap<PathBuf, usize>,
    synced: BTreeMap<PathBuf, usize>,
    folders: BTreeSet<PathBuf>,
    folders_synced: BTreeSet<PathBuf>,
}

impl Model {
    pub(super) fn create_folder(&mut self, path: &Path) {
        self.forget(path);
        self.folders.insert(path.to_owned());
    }

    /// A file that is there loses its contents, not its place.
    pub(super) fn create(&mut self, path: &Path) {
        match self.seen.get(path) {
            Some(index) => {
                let content = &mut self.contents[*index];
                content.seen.clear();
                content.lost = false;
            }
            None => {
                self.seen.insert(path.to_owned(), self.contents.len());
                self.contents.push(Content::default());
            }
        }
    }

    pub(super) fn write(&mut self, path: &Path, offset: usize, bytes: &[u8]) {
        if let Some(content) = self.content(path) {
            let end = offset + bytes.len();
            content.seen.resize(content.seen.len().max(end), 0);
            content.seen[offset..end].copy_from_slice(bytes);
        }
    }

    pub(super) fn cut(&mut self, path: &Path, length: usize) {
        if let Some(content) = self.content(path) {
            content.seen.truncate(length);
        }
    }

    pub(super) fn sync(&mut self, path: &Path) {
        if let Some(content) = self.content(path).filter(|content| !content.lost) {
            content.synced.clone_from(&content.seen);
        }
    }

    pub(super) fn fail_to_sync(&mut self, path: &Path) {
        if let Some(content) = self.content(path) {
            content.lost = true;
        }
    }

    pub(super) fn sync_folder(&mut self, folder: &Path) {
        let is_inside = |path: &PathBuf| path.parent() == Some(folder);
        self.synced.retain(|path, _| !is_inside(path));
        let names = self.seen.iter().filter(|(path, _)| is_inside(path));
        self.synced.extend(names.map(|(path, index)| (path.clone(), *index)));
        self.folders_synced.extend(self.folders.iter().filter(|path| is_inside(path)).cloned());
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) {
        if let Some(index) = self.seen.remove(from) {
            self.seen.insert(to.to_owned(), index);
        }
    }

    pub(super) fn remove(&mut self, path: &Path) {
        self.seen.remove(path);
    }

    fn content(&mut self, path: &Path) -> Option<&mut Content> {
        self.seen.get(path).map(|index| &mut self.contents[*index])
    }

    /// What was in a folder before it was removed as a whole.
    fn forget(&mut self, folder: &Path) {
        let is_below = |path: &PathBuf| path.starts_with(folder);
        self.seen.retain(|path, _| !is_below(path));
        self.synced.retain(|path, _| !is_below(path));
        self.folders.retain(|path| !is_below(path));
        self.folders_synced.retain(|path| !is_below(path));
    }

    /// Lets the power go: the files are what is left of them, and all that is left is durable.
    pub(super) fn lose_power(&mut self, rng: &mut Rng) -> io::Result<()> {
        let gone: Vec<PathBuf> = self.folders.iter().filter(|folder| !folder.is_dir()).cloned().collect();
        gone.iter().for_each(|folder| self.forget(folder));
        if rng.bool() {
            let lost: Vec<PathBuf> = self.folders.difference(&self.folders_synced).cloned().collect();
            for folder in lost.iter().filter(|folder| folder.is_dir()) {
                fs::remove_dir_all(folder)?;
            }
            for path in self.seen.keys().filter(|path| !self.synced.contains_key(*path) && path.exists()) {
                fs::remove_file(path)?;
            }
            lost.iter().for_each(|folder| self.forget(folder));
            self.seen.clone_from(&self.synced);
        }
        for (path, index) in &self.seen {
            let left = self.contents[*index].left(rng);
            fs::write(path, &left)?;
            self.contents[*index] = Content { seen: left.clone(), synced: left, lost: false };
        }
        self.synced.clone_from(&self.seen);
        self.folders_synced.clone_from(&self.folders);
        Ok(())
    }
}

impl Content {
    /// What was synced, what was seen, a part of the rest, or the rest with a hole: sectors reach the disk in any order.
    fn left(&self, rng: &mut Rng) -> Vec<u8> {
        let (seen, synced) = (&self.seen, &self.synced);
        let half = synced.len() + seen.len().saturating_sub(synced.len()) / 2;
        let is_longer = seen.len() > synced.len() && seen.starts_with(synced);
        match rng.u32(0..4) {
            0 => seen.clone(),
            1 if is_longer => seen[..half].to_vec(),
            2 if is_longer => {
                let mut left = seen.clone();
                left[synced.len()..half].fill(0);
                left
            }
            _ => synced.clone(),
        }
    }
}
