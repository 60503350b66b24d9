//! What a simulation keeps in real files, since the journal reads it from there: keys, and the files of the simulated disk. They are in memory,
//! where the system has a folder that is, and gone with the simulation.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// A folder, which is made when something is put into it. Clones are the same one.
#[derive(Clone)]
pub struct Scratch(Arc<Folder>);

struct Folder(PathBuf);

impl Default for Scratch {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("terrane-sim-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { memory.to_owned() } else { env::temp_dir() };
        Self(Arc::new(Folder(place.join(name))))
    }
}

impl Scratch {
    /// Where state is.
    pub fn state(&self) -> PathBuf {
        self.0.0.join("state")
    }

    /// Where key files are.
    pub fn keys(&self) -> PathBuf {
        self.0.0.join("keys")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
