//! What a state in a folder remembers of its data key: `<folder>/key.json`.

use crate::{Error, disk, secrets::WrappedKey};
use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
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

/// Writes the wrapped key; durable when this returns.
pub(crate) fn write(folder: &Path, wrapped: &WrappedKey) -> Result<(), Error> {
    let path = folder.join(NAME);
    let io = |source| Error::Disk(disk::Error::Io { action: "write", path: path.clone(), source });
    let temporary = path.with_extension("json.new");
    let written = || {
        fs::create_dir_all(folder)?;
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(&serde_json::to_vec(wrapped)?)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        fs::File::open(folder)?.sync_all()
    };
    written().map_err(io)
}
