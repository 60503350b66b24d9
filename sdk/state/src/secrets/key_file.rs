//! Data keys in a file of their own, for this user only: `terrane-key:1:<id>:<base64>`, one a line, the newest first.

use std::{
    fs::OpenOptions,
    io::{self, Read},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::{
    error::{Error, Result},
    key::Key,
};
use crate::private_file;

const PREFIX: &str = "terrane-key:1:";
const FILE_BYTES_MAX: u64 = 1 << 13;
/// As many keys are kept: those that were rotated out are for backups of the state.
const KEYS_MAX: usize = 33;

/// The newest key in the file, which is created with a new key if there is none. Of two processes that create it at once, both
/// get the same key.
pub(crate) fn read_or_create(path: &Path) -> Result<Key> {
    match newest(path) {
        Err(Error::MissingKeyFile { .. }) => {}
        read => return read,
    }
    create(path, &Key::random()?)?;
    newest(path)
}

/// The key `id` in the file.
pub(crate) fn read(path: &Path, id: &str) -> Result<Key> {
    let keys = read_all(path)?;
    let found = keys.first().map(Key::id).unwrap_or_default();
    let other = || Error::OtherKeyFile { path: path.to_owned(), found, key_id: id.to_owned() };
    keys.into_iter().find(|key| key.id() == id).ok_or_else(other)
}

/// Puts a key into the file, before those it has; a file is made when there is none.
pub(crate) fn add(path: &Path, key: &Key) -> Result<()> {
    let mut keys = match read_all(path) {
        Err(Error::MissingKeyFile { .. }) => return create(path, key),
        keys => keys?,
    };
    if keys.iter().any(|there| there.id() == key.id()) {
        return Ok(());
    }
    keys.insert(0, key.clone());
    keys.truncate(KEYS_MAX);
    private_file::replace(path, &text(&keys)).map_err(|source| failed("write", path, source))
}

/// Whether the file has the key `id`.
pub(crate) fn has(path: &Path, id: &str) -> bool {
    read(path, id).is_ok()
}

/// Gives another file the keys of this one, if there is this one.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    match read_all(from) {
        Err(Error::MissingKeyFile { .. }) => Ok(()),
        keys => keys?.iter().rev().try_for_each(|key| add(to, key)),
    }
}

fn newest(path: &Path) -> Result<Key> {
    read_all(path)?.into_iter().next().ok_or_else(|| corrupt(path, "it is not a Terrane key file"))
}

fn read_all(path: &Path) -> Result<Vec<Key>> {
    let failed = |action| move |source| failed(action, path, source);
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
    let keys = text.lines().map(|line| parse(path, line)).collect::<Result<Vec<_>>>()?;
    if keys.is_empty() { Err(corrupt(path, "it is not a Terrane key file")) } else { Ok(keys) }
}

fn parse(path: &Path, line: &str) -> Result<Key> {
    let body = line.trim_end().strip_prefix(PREFIX).ok_or_else(|| corrupt(path, "it is not a Terrane key file"))?;
    let (id, encoded) = body.split_once(':').ok_or_else(|| corrupt(path, "it is cut short"))?;
    let bytes = Zeroizing::new(BASE64.decode(encoded).map_err(|_| corrupt(path, "its key is not base64"))?);
    let key = Key::of(&bytes).ok_or_else(|| corrupt(path, "its key has the wrong length"))?;
    if key.id() == id { Ok(key) } else { Err(corrupt(path, "its key doesn't match its id")) }
}

/// Writes a file with one key, never in place of another.
fn create(path: &Path, key: &Key) -> Result<()> {
    let created = private_file::create(path, &text(std::slice::from_ref(key)));
    created.map(drop).map_err(|source| failed("create", path, source))
}

fn text(keys: &[Key]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(FILE_BYTES_MAX as usize));
    for key in keys {
        let encoded = Zeroizing::new(BASE64.encode(key.expose()));
        let line = Zeroizing::new(format!("{PREFIX}{}:{}\n", key.id(), *encoded));
        text.extend_from_slice(line.as_bytes());
    }
    text
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io { action, path: path.to_owned(), source }
}

fn corrupt(path: &Path, problem: &'static str) -> Error {
    Error::CorruptKeyFile { path: path.to_owned(), problem }
}
