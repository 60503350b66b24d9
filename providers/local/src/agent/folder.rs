//! The agent's folder: where each file in it lives, and writing them so that a crash leaves the old or the new content.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::error::{Error, Result};

/// Longest path of a Unix socket that every system takes, in bytes.
const SOCKET_PATH_BYTES_MAX: usize = 100;

/// The folder of one agent.
#[derive(Debug, Clone)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Creates the folder, for its owner only.
    pub(crate) fn create(&self) -> Result<()> {
        for folder in [self.0.clone(), self.0.join("processes"), self.0.join("logs"), self.0.join("buckets")] {
            create_private(&folder)?;
        }
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The control socket, refused if its path is longer than the system's socket addresses.
    pub(crate) fn socket(&self) -> Result<PathBuf> {
        let path = self.0.join("agent.sock");
        let length = path.as_os_str().len();
        if length > SOCKET_PATH_BYTES_MAX {
            return Err(Error::Invalid(format!(
                "the path of the control socket, {}, has {length} bytes; a Unix socket's may have {SOCKET_PATH_BYTES_MAX}: \
                 use a state folder with a shorter path",
                path.display()
            )));
        }
        Ok(path)
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join("agent.lock")
    }

    pub(crate) fn agent_identity(&self) -> PathBuf {
        self.0.join("agent.pid")
    }

    pub(crate) fn agent_log(&self) -> PathBuf {
        self.0.join("agent.log")
    }

    pub(crate) fn desired(&self) -> PathBuf {
        self.0.join("desired.json")
    }

    pub(crate) fn log(&self, process: &str) -> PathBuf {
        self.0.join("logs").join(format!("{process}.log"))
    }

    /// A process's own folder: config files, and its data if it keeps any there.
    pub(crate) fn process(&self, name: &str) -> PathBuf {
        self.0.join("processes").join(name)
    }

    /// The record of the running instance of a process.
    pub(crate) fn instance(&self, name: &str) -> PathBuf {
        self.instances().join(format!("{name}.json"))
    }

    pub(crate) fn instances(&self) -> PathBuf {
        self.0.join("processes").join(".instances")
    }

    pub(crate) fn buckets(&self) -> PathBuf {
        self.0.join("buckets")
    }

    /// The objects that wait to be replicated from a bucket to a peer: one empty file each.
    pub(crate) fn replication_queue(&self, bucket: &str, peer: &str) -> PathBuf {
        self.0.join("replication").join(bucket).join(peer)
    }
}

/// Creates a folder and its parents; the folder itself is its owner's only.
pub(crate) fn create_private(folder: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(Error::file("create", folder))
}

/// Writes a file for its owner only, by a temporary file and a rename.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let write = || {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(Error::file("write", path))
}

/// Removes a file or does nothing if there is none.
pub(crate) fn remove_if_there(path: &Path) -> Result<()> {
    absent_is_fine(fs::remove_file(path)).map_err(Error::file("remove", path))
}

/// Removes a folder with its content or does nothing if there is none.
pub(crate) fn remove_folder_if_there(path: &Path) -> Result<()> {
    absent_is_fine(fs::remove_dir_all(path)).map_err(Error::file("remove", path))
}

fn absent_is_fine(result: std::io::Result<()>) -> std::io::Result<()> {
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Refuses a folder of another agent that this one could not find, since it works in its own.
pub(crate) fn check_absolute(folder: &Path) -> Result<()> {
    if folder.is_absolute() {
        return Ok(());
    }
    Err(Error::Invalid(format!("the path of a peer's folder must be absolute, unlike `{}`", folder.display())))
}

/// Refuses a name that could not be a file name of its own, so that no request leaves the agent's folder.
pub(crate) fn check_name(what: &'static str, name: &str) -> Result<()> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.chars().all(fits) {
        return Err(Error::Invalid(format!(
            "`{name}` can't name a {what}: use up to 100 letters, digits, dashes, underscores and dots, no leading dot"
        )));
    }
    Ok(())
}
