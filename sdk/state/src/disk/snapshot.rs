//! Snapshots: the whole state at one record, each in a file of its own that is never changed. What the state's bytes
//! mean is not known here.
//!
//! ```text
//! header 104 | length of the state u64 | sha256 of the state 32 | state
//! ```

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    error::{Error, Result},
    files::{self, Files},
    folder,
    header::{HEADER_BYTES, Header, Kind},
};

/// How many snapshots are kept.
pub const SNAPSHOTS_MAX: usize = 20;
/// Where the state begins: after header, length and checksum.
const STATE_OFFSET: usize = HEADER_BYTES + 8 + 32;
const EXTENSION: &str = "snapshot";

/// A snapshot that is kept, by its file's name; reading it verifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last record that it holds.
    pub seq: u64,
    /// Its file.
    pub path: PathBuf,
}

/// The snapshots that are kept, the oldest first.
pub(crate) fn list(folder: &Path) -> Result<Vec<Snapshot>> {
    let path = folder::snapshots(folder);
    let failed = |error| files::refused("read", &path, error);
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut kept = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION)
            && let Some(seq) = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok())
        {
            kept.push(Snapshot { seq, path });
        }
    }
    kept.sort_by_key(|kept| kept.seq);
    Ok(kept)
}

/// The header and state of the snapshot that ends with record `seq`, verified.
pub(crate) fn read(folder: &Path, seq: u64) -> Result<(Header, Vec<u8>)> {
    let path = path_of(folder, seq);
    let Some(mut bytes) = files::read(&path)? else {
        return Err(Error::NoSnapshot { path: folder::snapshots(folder), seq });
    };
    let header = Header::decode(Kind::Snapshot, &path, &bytes)?;
    let corrupt = |problem: &str| Error::Corrupt {
        path: path.clone(),
        offset: HEADER_BYTES as u64,
        seq,
        problem: problem.to_owned(),
    };
    if header.point.seq != seq {
        return Err(corrupt("its name and its header name different records"));
    }
    if !is_whole(&bytes[HEADER_BYTES..]) {
        return Err(corrupt("the state doesn't match its length and checksum"));
    }
    bytes.drain(..STATE_OFFSET);
    Ok((header, bytes))
}

/// Whether a snapshot's bytes after the header are what was written.
fn is_whole(bytes: &[u8]) -> bool {
    let split = || {
        let (length, bytes) = bytes.split_first_chunk()?;
        let (hash, state) = bytes.split_first_chunk::<32>()?;
        Some((u64::from_le_bytes(*length), hash, state))
    };
    split()
        .is_some_and(|(length, hash, state)| length == state.len() as u64 && Sha256::digest(state).as_slice() == hash)
}

/// Writes a snapshot and reads it back: the log it stands for is about to go.
pub(crate) fn write(files: &mut Files, folder: &Path, header: &Header, state: &[u8]) -> Result<()> {
    let path = path_of(folder, header.point.seq);
    files::check_size(&path, STATE_OFFSET + state.len())?;
    files.create_folder(&folder::snapshots(folder))?;
    let length = (state.len() as u64).to_le_bytes();
    let (header_bytes, hash) = (header.encode(), Sha256::digest(state));
    let contents: [&[u8]; 4] = [&header_bytes, &length, &hash, state];
    let staged = files.stage(&path, &contents)?;
    files.publish(staged, &path)?;
    if !files::holds(&path, &contents)? {
        let problem = "what was read back is not what was written".to_owned();
        return Err(Error::Corrupt { path, offset: 0, seq: header.point.seq, problem });
    }
    Ok(())
}

/// Removes all but the newest snapshots.
pub(crate) fn prune(files: &mut Files, folder: &Path) -> Result<()> {
    let kept = list(folder)?;
    let surplus = kept.len().saturating_sub(SNAPSHOTS_MAX);
    kept[..surplus].iter().try_for_each(|old| files.remove(&old.path))
}

fn path_of(folder: &Path, seq: u64) -> PathBuf {
    // Twenty digits hold every sequence number, so that names sort as numbers do.
    folder::snapshots(folder).join(format!("{seq:020}.{EXTENSION}"))
}
