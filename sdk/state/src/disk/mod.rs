//! State on a local disk, as bytes: a write-ahead log, snapshots, a seal and a lock in one folder. What records mean is
//! not known here.
//!
//! ```text
//! <folder>/lock         held by the one writer; never removed
//! <folder>/log          records since the snapshot that the log's header names
//! <folder>/seal         the last durable record when the last run ended
//! <folder>/snapshots/   the whole state at some records, the newest 20
//! <folder>/ballast      space held in reserve
//! ```
//!
//! **Guarantees.** An acknowledged record is read by each later opening, until a snapshot contains it. A crash or a
//! loss of power between any two steps leaves a folder that opens. Damage to what was acknowledged is refused and
//! named, never passed over. Opening writes nothing but the lock file; the first append does what is to be done to the
//! files.
//!
//! **Assumptions.** A sync that succeeds makes data durable; renaming a file in a folder is atomic; one machine uses
//! the folder.
//!
//! **Caveats.** Damage to the very last batch of a run that was never sealed can't be told from a write that was cut
//! short.

mod aside;
mod ballast;
mod device;
mod error;
mod files;
mod folder;
mod frame;
mod header;
mod lock;
mod log;
mod scan;
mod seal;
mod snapshot;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

pub use self::{
    aside::{delete, set_aside, sweep},
    device::{Device, Handle, Kernel},
    error::{Error, Result},
    frame::Frame,
    header::Lineage,
    lock::{Holder, Lock},
    log::{Appended, Space},
    snapshot::{SNAPSHOTS_MAX, Snapshot},
};
use self::{
    files::Files,
    folder::Existence,
    header::{Header, Kind, Point},
    log::{Good, Log},
};

const READ_ATTEMPTS_MAX: u32 = 10;
const READ_PAUSE: Duration = Duration::from_millis(10);

/// What a state folder is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Needs no lock, and creates nothing.
    Read,
    /// Takes the lock, and creates the folder where it is missing.
    Write,
}

/// A state folder and what was in it.
#[derive(Debug)]
pub struct Opened {
    /// The folder, ready for appends if it was opened for writing.
    pub disk: Disk,
    /// The state at the snapshot that the log follows.
    pub snapshot: Option<Vec<u8>>,
    /// The records since then.
    pub frames: Vec<Frame>,
}

/// An open state folder.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    log: Log,
    sealed: Option<Point>,
    /// None where the folder was opened for reading.
    writer: Option<Writer>,
}

/// What only the one writer has.
#[derive(Debug)]
struct Writer {
    files: Files,
    _lock: Lock,
}

/// Who holds a state folder; none where it is free.
///
/// # Errors
/// Where the folder can't be read.
pub fn holder(folder: &Path) -> Result<Option<Holder>> {
    lock::held(folder)
}

/// Creates a folder for this user only, durably, and those above it, unless it is there.
///
/// # Errors
/// What the operating system refuses.
pub fn create_folder(path: &Path) -> Result<()> {
    Files::new(Box::new(Kernel)).create_folder(path)
}

/// The snapshots that a folder keeps, the oldest first, whatever has become of its log.
///
/// # Errors
/// Where the folder can't be used or read.
pub fn kept(folder: &Path) -> Result<Vec<Snapshot>> {
    folder::check(folder)?;
    snapshot::list(folder)
}

/// The state that a folder keeps at record `seq`, verified, and whose it is, also where its log is damaged.
///
/// # Errors
/// [`Error::NoSnapshot`] or [`Error::Corrupt`].
pub fn read_kept(folder: &Path, seq: u64) -> Result<(Lineage, Vec<u8>)> {
    match Disk::open(folder, Access::Read) {
        Ok(opened) => Ok((opened.disk.lineage(), opened.disk.read_snapshot(seq)?)),
        Err(Error::Corrupt { .. }) => snapshot::read(folder, seq).map(|(header, state)| (header.lineage, state)),
        Err(error) => Err(error),
    }
}

impl Disk {
    /// Opens a state folder. A reader gets the state of one moment, also while another process writes.
    ///
    /// # Errors
    /// Where the folder can't be used ([`Error::NotAFolder`], [`Error::Network`], [`Error::NotWritable`]…), another run
    /// holds it ([`Error::Locked`]), or what is in it is not what was written there ([`Error::Corrupt`]).
    pub fn open(folder: &Path, access: Access) -> Result<Opened> {
        Self::open_on(Box::new(Kernel), folder, access)
    }

    /// The same, with what changes the disk; a reader changes nothing.
    ///
    /// # Errors
    /// As [`Disk::open`].
    pub fn open_on(device: Box<dyn Device>, folder: &Path, access: Access) -> Result<Opened> {
        let existence = folder::check(folder)?;
        match access {
            Access::Read if existence == Existence::Missing => Loaded::nothing(folder).opened(folder, None),
            Access::Read => read_undisturbed(folder)?.opened(folder, None),
            Access::Write => Self::open_as(device, folder, &Holder::current()),
        }
    }

    /// Opens a state folder for writing, in the name of `holder`.
    ///
    /// # Errors
    /// As [`Disk::open`].
    pub fn open_as(device: Box<dyn Device>, folder: &Path, holder: &Holder) -> Result<Opened> {
        folder::check(folder)?;
        let mut files = Files::new(device);
        files.create_folder(folder)?;
        let lock = Lock::acquire(folder, holder)?;
        let mut loaded = load(folder)?;
        if loaded.log.lineage() == Lineage::NONE {
            loaded.log = Log::missing(folder, files.draw_lineage(folder)?);
            files.sync_names_of(folder)?;
        }
        loaded.opened(folder, Some(Writer { files, _lock: lock }))
    }

    /// What tells this state from all others; new and not yet written down where the folder is empty and opened for writing.
    #[must_use]
    pub fn lineage(&self) -> Lineage {
        self.log.lineage()
    }

    /// The last durable record; 0 before the first.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.log.end().seq
    }

    /// Makes what an interrupted run left durable: it may be in memory only, and who takes the stack over acts on it.
    ///
    /// # Errors
    /// As [`Disk::append`].
    pub fn keep_left(&mut self) -> Result<()> {
        let (log, files) = self.writing()?;
        log.keep_left(files)
    }

    /// Records each payload, in one write and one sync for all; they are durable when this returns.
    ///
    /// # Errors
    /// [`Error::DiskFull`] when not even the reserve was enough: nothing was recorded, and the folder may be appended
    /// to again. [`Error::Poisoned`] when the disk failed: what it holds is unknown until the folder is opened again.
    pub fn append(&mut self, payloads: &[Vec<u8>]) -> Result<Appended> {
        let (log, files) = self.writing()?;
        log.append(files, payloads)
    }

    /// Ends a run: remembers apart from the log which record was the last. Writes nothing where nothing was appended.
    ///
    /// # Errors
    /// As [`Disk::append`]; the records are durable whether or not this succeeds.
    pub fn seal(&mut self) -> Result<()> {
        let end = self.log.end();
        if end.seq == 0 || self.sealed == Some(end) {
            return Ok(());
        }
        let folder = self.folder.clone();
        let (log, files) = self.writing()?;
        log.prepare(files)?;
        seal::write(files, &folder, log.lineage(), end)?;
        self.sealed = Some(end);
        Ok(())
    }

    /// Keeps `state`, which must be the state at the last record, as a snapshot, and begins a new log after it. Keeping
    /// the same state twice writes nothing.
    ///
    /// # Errors
    /// [`Error::NothingAppended`] where another state is already kept for the last record; else as [`Disk::append`].
    pub fn compact(&mut self, state: &[u8]) -> Result<()> {
        let (folder, end) = (self.folder.clone(), self.log.end());
        if end == self.log.base() {
            let is_kept = end.seq > 0 && snapshot::read(&folder, end.seq)?.1 == state;
            return if is_kept { Ok(()) } else { Err(Error::NothingAppended { path: folder, seq: end.seq }) };
        }
        let (log, files) = self.writing()?;
        log.prepare(files)?;
        let header = Header { kind: Kind::Snapshot, lineage: log.lineage(), point: end };
        snapshot::write(files, &folder, &header, state)?;
        log.restart(files)?;
        snapshot::prune(files, &folder)?;
        Ok(())
    }

    /// Whether there are records that no snapshot holds.
    #[must_use]
    pub fn has_appended(&self) -> bool {
        self.log.end().seq > self.log.base().seq
    }

    /// The snapshots that are kept, the oldest first.
    ///
    /// # Errors
    /// Where the folder of snapshots can't be read.
    pub fn snapshots(&self) -> Result<Vec<Snapshot>> {
        snapshot::list(&self.folder)
    }

    /// The state that was kept at record `seq`, verified.
    ///
    /// # Errors
    /// [`Error::NoSnapshot`] or [`Error::Corrupt`].
    pub fn read_snapshot(&self, seq: u64) -> Result<Vec<u8>> {
        let (header, state) = snapshot::read(&self.folder, seq)?;
        if header.lineage == self.log.lineage() {
            return Ok(state);
        }
        Err(corrupt(folder::snapshots(&self.folder), 0, seq, "the snapshot belongs to another state than the log"))
    }

    fn writing(&mut self) -> Result<(&mut Log, &mut Files)> {
        match &mut self.writer {
            Some(writer) => Ok((&mut self.log, &mut writer.files)),
            None => Err(Error::ReadOnly { path: self.folder.clone() }),
        }
    }
}

/// What was read from a folder.
struct Loaded {
    log: Log,
    sealed: Option<Point>,
    snapshot: Option<Vec<u8>>,
    frames: Vec<Frame>,
}

impl Loaded {
    fn nothing(folder: &Path) -> Self {
        Self { log: Log::missing(folder, Lineage::NONE), sealed: None, snapshot: None, frames: Vec::new() }
    }

    fn opened(self, folder: &Path, writer: Option<Writer>) -> Result<Opened> {
        let Self { log, sealed, snapshot, frames } = self;
        let disk = Disk { folder: folder.to_owned(), log, sealed, writer };
        Ok(Opened { disk, snapshot, frames })
    }
}

/// Reads a folder that another process may be writing to. What looks like damage may be a file that was replaced
/// meanwhile: look again.
fn read_undisturbed(folder: &Path) -> Result<Loaded> {
    for _ in 1..READ_ATTEMPTS_MAX {
        match load(folder) {
            Err(Error::Corrupt { .. }) => thread::sleep(READ_PAUSE),
            loaded => return loaded,
        }
    }
    load(folder)
}

/// Reads a folder. The seal and the list of snapshots are read before the log: a writer only ever moves the log ahead
/// of them.
fn load(folder: &Path) -> Result<Loaded> {
    let sealed = seal::read(folder)?;
    let newest = snapshot::list(folder)?.pop();
    let path = folder::log(folder);
    let Some(mut bytes) = files::read(&path)? else {
        return if sealed.is_none() && newest.is_none() {
            Ok(Loaded::nothing(folder))
        } else {
            Err(corrupt(path, 0, 1, "the log is missing, but its seal or a snapshot is here"))
        };
    };
    let scan = scan::scan(&path, &bytes, sealed.as_ref())?;
    if let Some(newest) = newest.filter(|newest| newest.seq > scan.end.seq) {
        let problem = format!("the log ends here, but there is a snapshot of record {}", newest.seq);
        return Err(corrupt(path, scan.length, scan.end.seq + 1, &problem));
    }
    let snapshot = base_snapshot(folder, scan.base)?;
    let sealed = sealed.map(|sealed| sealed.point);
    let good = if sealed == Some(scan.end) && scan.length == bytes.len() {
        Good::Sealed { length: scan.length }
    } else {
        bytes.truncate(scan.length);
        Good::Unsealed(bytes)
    };
    let log = Log::present(folder, scan.lineage, scan.base, scan.end, good);
    Ok(Loaded { log, sealed, snapshot, frames: scan.frames })
}

/// The snapshot that a log follows; a log that begins with record 1 follows none.
fn base_snapshot(folder: &Path, base: Point) -> Result<Option<Vec<u8>>> {
    if base.seq == 0 {
        return Ok(None);
    }
    let refuse = |problem| Err(corrupt(folder::log(folder), 0, base.seq, problem));
    let (header, state) = match snapshot::read(folder, base.seq) {
        Err(Error::NoSnapshot { .. }) => return refuse("the snapshot that the log follows is missing"),
        read => read?,
    };
    // Each hash of the chain covers the lineage, so this tells another state's snapshot too.
    if header.point != base {
        return refuse("the log doesn't follow the snapshot it names");
    }
    Ok(Some(state))
}

fn corrupt(path: PathBuf, offset: usize, seq: u64, problem: &str) -> Error {
    Error::Corrupt { path, offset: offset as u64, seq, problem: problem.to_owned() }
}
