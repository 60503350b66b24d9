//! A data key in a file of its own, for this user only: `terrane-key:1:<id>:<base64>`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::{
    error::{Error, Result},
    key::{self, Key},
};

const PREFIX: &str = "terrane-key:1:";
const FILE_BYTES_MAX: u64 = 1 << 10;

/// The key in the file, which is created with a new key if there is none. Of two processes that create it at once, both
/// get the same key.
pub(crate) fn read_or_create(path: &Path) -> Result<Key> {
    match read(path) {
        Err(Error::MissingKeyFile { .. }) => {}
        read => return read,
    }
    create(path, &Key::random()?)?;
    read(path)
}

/// The key in the file.
pub(crate) fn read(path: &Path) -> Result<Key> {
    let failed = |action| move |source| Error::Io { action, path: path.to_owned(), source };
    // A pipe in the file's place must not block; a link is fine, since mounted secrets are links.
    let file = match OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits() as i32).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::MissingKeyFile { path: path.to_owned() });
        }
        Err(error) => return Err(failed("open")(error)),
    };
    let metadata = file.metadata().map_err(failed("read"))?;
    if !metadata.is_file() {
        return Err(corrupt(path, "it is not a regular file"));
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Error::LooseKeyFile { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES_MAX as usize));
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed("read"))?;
    parse(path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Key> {
    let body = text.trim_end().strip_prefix(PREFIX).ok_or_else(|| corrupt(path, "it is not a Terrane key file"))?;
    let (id, encoded) = body.split_once(':').ok_or_else(|| corrupt(path, "it is cut short"))?;
    let bytes = Zeroizing::new(BASE64.decode(encoded).map_err(|_| corrupt(path, "its key is not base64"))?);
    let key = Key::of(&bytes).ok_or_else(|| corrupt(path, "its key has the wrong length"))?;
    if key.id() == id { Ok(key) } else { Err(corrupt(path, "its key doesn't match its id")) }
}

/// Writes the key beside its place first, and links it there: the file appears whole, and never in place of another.
fn create(path: &Path, key: &Key) -> Result<()> {
    let failed = |action| move |source| Error::Io { action, path: path.to_owned(), source };
    let beside = beside(path)?;
    let written = write(&beside, key).map_err(failed("write"));
    let linked = written.and_then(|()| match fs::hard_link(&beside, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed("create")(error)),
        _ => Ok(()),
    });
    let removed = fs::remove_file(&beside).map_err(failed("remove the draft of"));
    linked.and(removed)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("sync the folder of"))
}

fn write(path: &Path, key: &Key) -> io::Result<()> {
    let text = Zeroizing::new(format!("{PREFIX}{}:{}\n", key.id(), *Zeroizing::new(BASE64.encode(key.expose()))));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A name that no other process uses.
fn beside(path: &Path) -> Result<PathBuf> {
    let mut random = [0; 8];
    key::fill(&mut random)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.tmp", u64::from_le_bytes(random)));
    Ok(path.with_file_name(name))
}

fn corrupt(path: &Path, problem: &'static str) -> Error {
    Error::CorruptKeyFile { path: path.to_owned(), problem }
}
