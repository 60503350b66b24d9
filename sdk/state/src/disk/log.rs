//! The write-ahead log: batches of records, each written at once and synced before it is acknowledged.

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
};

use super::{
    ballast::Ballast,
    device::Handle,
    error::{Error, Result},
    files::{self, Files},
    folder,
    frame::{self, PAYLOAD_BYTES_MAX},
    header::{HEADER_BYTES, Header, Kind, Lineage, Point},
};

/// What an append made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The last record of the stack, now durable.
    pub last_seq: u64,
    /// Whether there is space for more.
    pub space: Space,
}

/// How much space there is for further records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// As far as is known, enough.
    Enough,
    /// The disk is full and the reserve is in use: start nothing new, record what is in flight.
    Low,
}

/// What must happen to the log's file before the first append of this run; nothing happens if there is none.
#[derive(Debug)]
enum File {
    /// There is none yet.
    Missing,
    /// It ends where the last run sealed it.
    Sealed,
    /// The last run didn't end. These bytes are good, yet perhaps in memory only, and a torn tail may follow them.
    Unsealed(Vec<u8>),
    /// This run appends to it.
    Open(Handle),
}

/// A log that is locked by this process, or that nobody writes to through this value.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    lineage: Lineage,
    base: Point,
    end: Point,
    length: u64,
    file: File,
    ballast: Ballast,
    space: Space,
}

impl Log {
    /// A log that has no file yet.
    pub(crate) fn missing(folder: &Path, lineage: Lineage) -> Self {
        Self {
            path: folder::log(folder),
            lineage,
            base: Point::default(),
            end: Point::default(),
            length: 0,
            file: File::Missing,
            ballast: Ballast::of(folder),
            space: Space::Enough,
        }
    }

    /// A log that goes from `base` to `end`, of which `good` are the bytes.
    pub(crate) fn present(folder: &Path, lineage: Lineage, base: Point, end: Point, good: Good) -> Self {
        let (length, file) = match good {
            Good::Sealed { length } => (length as u64, File::Sealed),
            Good::Unsealed(bytes) => (bytes.len() as u64, File::Unsealed(bytes)),
        };
        Self { base, end, length, file, ..Self::missing(folder, lineage) }
    }

    pub(crate) fn lineage(&self) -> Lineage {
        self.lineage
    }

    pub(crate) fn base(&self) -> Point {
        self.base
    }

    pub(crate) fn end(&self) -> Point {
        self.end
    }

    /// Adds a record for each payload, in one write and one sync; either all of them are acknowledged or none.
    pub(crate) fn append(&mut self, files: &mut Files, payloads: &[Vec<u8>]) -> Result<Appended> {
        if payloads.is_empty() {
            return Ok(Appended { last_seq: self.end.seq, space: self.space });
        }
        let (batch, end) = self.encode(payloads)?;
        self.prepare(files)?;
        let File::Open(handle) = &self.file else { unreachable!("`prepare` opens the file") };
        match files.append(handle, self.length, &batch) {
            Err(Error::DiskFull { .. }) if self.ballast.release(files)? => {
                self.space = Space::Low;
                files.append(handle, self.length, &batch)?;
            }
            written => written?,
        }
        files.sync(handle)?;
        self.end = end;
        self.length += batch.len() as u64;
        Ok(Appended { last_seq: end.seq, space: self.space })
    }

    /// The bytes of a batch, and the point that the log then ends with.
    fn encode(&self, payloads: &[Vec<u8>]) -> Result<(Vec<u8>, Point)> {
        if let Some(large) = payloads.iter().find(|payload| payload.len() > PAYLOAD_BYTES_MAX) {
            let (size_bytes, size_bytes_max) = (large.len() as u64, PAYLOAD_BYTES_MAX as u64);
            return Err(Error::TooLarge { path: self.path.clone(), size_bytes, size_bytes_max });
        }
        let (mut bytes, mut end) = (Vec::new(), self.end);
        for payload in payloads {
            end = frame::encode(&self.lineage, &end, self.end.seq + 1, payload, &mut bytes);
        }
        files::check_size(&self.path, self.length as usize + bytes.len())?;
        Ok((bytes, end))
    }

    /// Makes what an interrupted run left durable.
    pub(crate) fn keep_left(&mut self, files: &mut Files) -> Result<()> {
        if matches!(self.file, File::Unsealed(_)) { self.prepare(files) } else { Ok(()) }
    }

    /// Makes the file one that can be appended to, and all that was read from it durable. Does nothing the second time.
    ///
    /// What an interrupted run left is copied to a new file: a sync that failed may have marked pages as clean that
    /// never reached the disk, and only a new write brings them there. The copy also drops a torn tail.
    pub(crate) fn prepare(&mut self, files: &mut Files) -> Result<()> {
        if matches!(self.file, File::Open(_)) {
            return Ok(());
        }
        self.ballast.load(files)?;
        let handle = match &self.file {
            File::Sealed => self.reopen(files)?,
            File::Missing => self.replace(files, &[])?,
            File::Unsealed(bytes) => self.replace(files, &bytes[HEADER_BYTES..])?,
            File::Open(_) => return Ok(()),
        };
        self.length = self.length.max(HEADER_BYTES as u64);
        self.file = File::Open(handle);
        Ok(())
    }

    /// Begins a new file after the last record, which a snapshot holds from now on. The chain goes on.
    pub(crate) fn restart(&mut self, files: &mut Files) -> Result<()> {
        let base = std::mem::replace(&mut self.base, self.end);
        match self.replace(files, &[]) {
            Ok(handle) => self.file = File::Open(handle),
            Err(error) => {
                self.base = base;
                return Err(error);
            }
        }
        self.length = HEADER_BYTES as u64;
        Ok(())
    }

    /// Opens the file that is there. It may have its name in memory only, since a run that died put it there.
    fn reopen(&self, files: &mut Files) -> Result<Handle> {
        match files::open(&self.path, OpenOptions::new().read(true).write(true))? {
            Some(file) => {
                files.sync_name_of(&self.path)?;
                Ok(Handle { file, path: self.path.clone() })
            }
            None => Err(files::refused("open", &self.path, std::io::ErrorKind::NotFound.into())),
        }
    }

    /// Puts a file with this header and these frames in the log's place, in one step.
    fn replace(&self, files: &mut Files, frames: &[u8]) -> Result<Handle> {
        let header = Header { kind: Kind::Log, lineage: self.lineage, point: self.base };
        let staged = files.stage(&self.path, &[&header.encode(), frames])?;
        files.publish(staged, &self.path)
    }
}

/// The part of a log's file that verified.
#[derive(Debug)]
pub(crate) enum Good {
    /// The whole file, and the last run ended with it.
    Sealed {
        /// Its length in bytes.
        length: usize,
    },
    /// What an interrupted run left.
    Unsealed(Vec<u8>),
}
