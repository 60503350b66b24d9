//! What a state in a folder remembers of its data key: `<folder>/key.json`.

use crate::{
    Error, disk,
    secrets::{self, WrappedKey},
};
use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

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
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Disk(disk::Error::Io { action: "read", path, source })),
    }
}

/// Puts the wrapped key into the place of the one there; durable when this returns.
pub(crate) fn replace(folder: &Path, wrapped: &WrappedKey) -> Result<(), Error> {
    let path = folder.join(NAME);
    let beside = write_beside(&path, wrapped)?;
    fs::rename(&beside, &path).and_then(|()| fs::File::open(folder)?.sync_all()).map_err(refused(&path))
}

/// Writes the first wrapped key; of two processes that make one at once, one is refused, unless both have the same.
pub(crate) fn create(folder: &Path, wrapped: &WrappedKey) -> Result<(), Error> {
    let path = folder.join(NAME);
    let beside = write_beside(&path, wrapped)?;
    let linked = fs::hard_link(&beside, &path);
    fs::remove_file(&beside).map_err(refused(&path))?;
    match linked {
        Ok(()) => fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(refused(&path)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => match read(folder)? {
            Some(there) if there.key_id() == wrapped.key_id() => Ok(()),
            _ => Err(secrets::Error::MadeMeanwhile.into()),
        },
        Err(error) => Err(refused(&path)(error)),
    }
}

fn write_beside(path: &Path, wrapped: &WrappedKey) -> Result<PathBuf, Error> {
    let beside = path.with_extension(format!("json.new-{}", std::process::id()));
    let written = || {
        fs::create_dir_all(path.parent().unwrap_or(path))?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(&serde_json::to_vec(wrapped)?)?;
        file.sync_all()
    };
    written().map_err(refused(path))?;
    Ok(beside)
}

fn refused(path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Disk(disk::Error::Io { action: "write", path: path.clone(), source })
}
