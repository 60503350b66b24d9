//! One writer at a time, and who it is.
//!
//! The kernel holds the lock and lets go of it when the process ends in any way, so no lock is ever left behind. The
//! file stays: were it removed, one process could hold the old file's lock and another the new one's.

use std::{
    env, fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io::Read,
    os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::LazyLock,
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
    /// Which start of the machine, where the system says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// The inode of the namespace that the process id belongs to, where there are such: containers of one machine number their processes
    /// apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid_namespace: Option<u64>,
}

impl Holder {
    /// This process.
    #[must_use]
    pub fn current() -> Self {
        // All but the moment stays as it is for as long as the process lives, and takes a dozen system calls to find out.
        static PROCESS: LazyLock<Holder> = LazyLock::new(Holder::look);
        Self { since: Timestamp::now(), ..PROCESS.clone() }
    }

    fn look() -> Self {
        let user = ["USER", "LOGNAME"].into_iter().find_map(|name| env::var(name).ok());
        Self {
            pid: std::process::id(),
            pid_start: pid_start(),
            user: user.unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw())),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            command: command(),
            since: Timestamp::now(),
            boot_id: fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|id| id.trim().to_owned()),
            pid_namespace: fs::metadata("/proc/self/ns/pid").ok().map(|namespace| namespace.ino()),
        }
    }

    /// Whether that process can be looked at from where `other` runs: the same start of the same machine, and the same numbering of processes.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        let place = |holder: &Self| Some((holder.boot_id.clone()?, holder.pid_namespace?));
        self.host == other.host && place(self).is_some() && place(self) == place(other)
    }

    /// Whether the process lives, by what this machine says of it.
    pub(crate) fn is_alive(&self) -> bool {
        let pid = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw);
        let Some(pid) = pid else { return true };
        // A process that may not be looked at lives too.
        if rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::SRCH) {
            return false;
        }
        match fs::read_to_string(format!("/proc/{}/stat", self.pid)) {
            Ok(stat) => !is_ended(&stat) && (self.pid_start.is_none() || started(&stat) == self.pid_start),
            Err(_) => true,
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
pub struct Lock {
    file: File,
    folder: PathBuf,
}

impl Lock {
    /// Takes the lock for `holder`, or says who has it; never waits for it to be released.
    ///
    /// # Errors
    /// [`Error::Locked`], or the lock file can't be used.
    pub fn acquire(folder: &Path, holder: &Holder) -> Result<Self> {
        let path = folder::lock(folder);
        for _ in 0..ATTEMPTS_MAX {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            let Some(file) = files::open(&path, &mut options)? else { continue };
            match file.try_lock() {
                Ok(()) if is_current(&file, &path) => {
                    let lock = Self { file, folder: folder.to_owned() };
                    lock.sign(holder);
                    return Ok(lock);
                }
                // Somebody removed the file by hand, or set the folder aside, after it was opened: the next one may lock a new file.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => match signed(&path) {
                    Some(there) => {
                        return Err(Error::Locked { path: folder.to_owned(), holder: Some(Box::new(there)) });
                    }
                    // Somebody only looks whether it is held, or has just taken it and not signed yet.
                    None => thread::sleep(PAUSE),
                },
                Err(TryLockError::Error(error)) => return Err(files::refused("lock", &path, error)),
            }
        }
        Err(Error::Locked { path: folder.to_owned(), holder: None })
    }

    /// The folder that it is on.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes down who holds the lock. A courtesy to others: a full disk must not stop a run that changes nothing.
    fn sign(&self, holder: &Holder) {
        let text = serde_json::to_vec(&Holder { since: Timestamp::now(), ..holder.clone() }).unwrap_or_default();
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
        if let Some(holder) = signed(path) {
            return Some(holder);
        }
        thread::sleep(PAUSE);
    }
    None
}

/// Who has signed the lock file.
fn signed(path: &Path) -> Option<Holder> {
    let mut text = Vec::new();
    let file = files::open(path, OpenOptions::new().read(true)).ok()??;
    file.take(HOLDER_BYTES_MAX).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
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

fn pid_start() -> Option<u64> {
    started(&fs::read_to_string("/proc/self/stat").ok()?)
}

/// Field 22 of `/proc/<pid>/stat`; the second field is the program's name in brackets, which may hold spaces.
fn started(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

/// Whether the process has ended and only waits for its parent to look.
fn is_ended(stat: &str) -> bool {
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().next());
    matches!(state, Some("Z" | "X"))
}
