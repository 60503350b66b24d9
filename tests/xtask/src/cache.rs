//! Where the cache folder is, and the lock that lets one process at a time change a part of it.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf, absolute};

use anyhow::{Context, Result};

/// The variable that names the cache folder; the tests read it too.
pub(crate) const VARIABLE: &str = "TERRANE_CACHE";

/// The cache folder as an absolute path: `TERRANE_CACHE`, or else `terrane` in the user's cache folder.
pub(crate) fn folder() -> Result<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(folder) = set(VARIABLE) {
        return absolute(&folder).with_context(|| format!("{VARIABLE}={} is not a usable path", folder.display()));
    }
    // The XDG specification says that a relative path is to be ignored.
    let user_cache = set("XDG_CACHE_HOME").filter(|folder| folder.is_absolute());
    user_cache
        .or_else(|| Some(set("HOME")?.join(".cache")))
        .map(|folder| folder.join("terrane"))
        .with_context(|| format!("no cache folder: neither {VARIABLE} nor HOME is set; set {VARIABLE} to a folder"))
}

/// Holds the lock at `path` until the returned file is dropped; the system lets go of it if the process dies.
pub(crate) fn lock(path: &Path) -> Result<File> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("creating the folder {}", parent.display()))?;
    }
    let file = File::create(path).with_context(|| format!("opening the lock {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            eprintln!("waiting for another install, which holds {}", path.display());
            file.lock().with_context(|| format!("locking {}", path.display()))?;
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("locking {}", path.display()));
        }
    }
    Ok(file)
}
