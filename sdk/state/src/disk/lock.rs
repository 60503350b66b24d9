//! One writer at a time, and who it is.
//!
//! The kernel holds the lock and lets go of it when the process ends in any way, so no lock is ever left behind. The
//! file stays: were it removed, one process could hold the old file's lock and another the new one's.

use std::{
    env, fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io::Read,
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    path::Path,
    thread,
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    error::{Error, Result},
    files, folder,
};

const HOLDER_BYTES_MAX: u64 = 16 << 10;
const ATTEMPTS_MAX: u32 = 10;
const PAUSE: Duration = Duration::from_millis(10);

/// Who holds a lock, as that process wrote it down for others to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process id.
    pub pid: u32,
    /// When the process started, in clock ticks since boot, where the system says so; it tells a process from a later
    /// one of the same id.
    pub pid_start: Option<u64>,
    /// The user's name, or number.
    pub user: String,
    /// The machine's name.
    pub host: String,
    /// The program and its subcommand.
    pub command: String,
    /// Since when.
    pub since: Timestamp,
}

impl Holder {
    /// This process.
    #[must_use]
    pub fn current() -> Self {
        let user = ["USER", "LOGNAME"].into_iter().find_map(|name| env::var(name).ok());
        Self {
            pid: std::process::id(),
            pid_start: pid_start(),
            user: user.unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw())),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            command: command(),
            since: Timestamp::now(),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, user, host, command, since, .. } = self;
        write!(f, "{user} on {host} (`{command}`, process {pid}, since {since:.0})")
    }
}

/// The lock on a state folder, held until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock or says who has it; never waits for it.
    pub(crate) fn acquire(folder: &Path) -> Result<Self> {
        let path = folder::lock(folder);
        for _ in 0..ATTEMPTS_MAX {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            let Some(file) = files::open(&path, &mut options)? else { continue };
            match file.try_lock() {
                Ok(()) if is_current(&file, &path) => {
                    let lock = Self { file };
                    lock.sign();
                    return Ok(lock);
                }
                // Somebody removed the file by hand after it was opened: the next one may lock a new file.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(Error::Locked { path: folder.to_owned(), holder: holder(&path).map(Box::new) });
                }
                Err(TryLockError::Error(error)) => return Err(files::refused("lock", &path, error)),
            }
        }
        Err(Error::Locked { path: folder.to_owned(), holder: None })
    }

    /// Writes down who holds the lock. A courtesy to others: a full disk must not stop a run that changes nothing.
    fn sign(&self) {
        let text = serde_json::to_vec(&Holder::current()).unwrap_or_default();
        let _ = self.file.set_len(0);
        let _ = self.file.write_all_at(&text, 0);
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The kernel releases the lock when the file is closed; nobody should then read a name that is no longer true.
        let _ = self.file.set_len(0);
    }
}

/// Who holds the lock of a folder; none where it is free.
pub(crate) fn held(folder: &Path) -> Result<Option<Holder>> {
    let path = folder::lock(folder);
    match files::open(&path, OpenOptions::new().read(true))? {
        Some(file) => match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Ok(holder(&path)),
            _ => Ok(None),
        },
        None => Ok(None),
    }
}

/// Who holds the lock, from the lock file. It is empty for a moment after the lock is taken.
fn holder(path: &Path) -> Option<Holder> {
    for _ in 0..ATTEMPTS_MAX {
        let mut text = Vec::new();
        let file = files::open(path, OpenOptions::new().read(true)).ok()??;
        file.take(HOLDER_BYTES_MAX).read_to_end(&mut text).ok()?;
        if let Ok(holder) = serde_json::from_slice(&text) {
            return Some(holder);
        }
        thread::sleep(PAUSE);
    }
    None
}

fn is_current(file: &File, path: &Path) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    file.metadata().ok().map(identity) == fs::metadata(path).ok().map(identity)
}

/// The program and its first argument: later ones may say more than others should read.
fn command() -> String {
    let mut arguments = env::args_os();
    let program = arguments.next().unwrap_or_default();
    let name = Path::new(&program).file_name().unwrap_or(&program).to_string_lossy().into_owned();
    match arguments.next() {
        Some(subcommand) => format!("{name} {}", subcommand.to_string_lossy()),
        None => name,
    }
}

/// Field 22 of `/proc/self/stat`; the second field is the program's name in brackets, which may hold spaces.
fn pid_start() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}
