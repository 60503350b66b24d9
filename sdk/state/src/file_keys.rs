//! What a state in a folder remembers of its data key: `<folder>/key.json`.

use crate::{
    Error, disk, private_file,
    secrets::{self, WrappedKey},
};
use std::{fs, io, path::Path};

const NAME: &str = "key.json";

/// The wrapped key; none before the first secret.
pub(crate) fn read(folder: &Path) -> Result<Option<WrappedKey>, Error> {
    let path = folder.join(NAME);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|source| Error::Unreadable {
            place: path.display().to_string(),
            seq: 0,
            source,
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Disk(disk::Error::Io { action: "read", path, source })),
    }
}

/// Puts the wrapped key into the place of the one there; durable when this returns.
pub(crate) fn replace(folder: &Path, wrapped: &WrappedKey) -> Result<(), Error> {
    write(folder, wrapped, private_file::replace)
}

/// Writes the first wrapped key; of two processes that make one at once, one is refused, unless both have the same.
pub(crate) fn create(folder: &Path, wrapped: &WrappedKey) -> Result<(), Error> {
    if write(folder, wrapped, private_file::create)? {
        return Ok(());
    }
    match read(folder)? {
        Some(there) if there.key_id() == wrapped.key_id() => Ok(()),
        _ => Err(secrets::Error::MadeMeanwhile.into()),
    }
}

fn write<T>(folder: &Path, wrapped: &WrappedKey, by: fn(&Path, &[u8]) -> io::Result<T>) -> Result<T, Error> {
    let path = folder.join(NAME);
    let written = serde_json::to_vec(wrapped).map_err(io::Error::from).and_then(|bytes| by(&path, &bytes));
    written.map_err(|source| Error::Disk(disk::Error::Io { action: "write", path, source }))
}
