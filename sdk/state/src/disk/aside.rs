//! Setting a damaged state aside: its folder becomes another one, whole, in one step.

use super::{
    error::{Error, Result},
    files,
    lock::Lock,
};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::{
    fs::{DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

/// So many damaged states are kept of a stack; more than that is a fault that goes on.
const NUMBER_MAX: u32 = 99;

/// Exchanges a state's folder with a new one, in which `prepare` has put what the stack is to keep. The old one is then `<aside>-<number>`.
///
/// # Errors
/// When somebody works on the state, or the folders can't be made; nothing has changed then.
pub fn set_aside<E: From<Error>>(
    folder: &Path,
    aside: &Path,
    prepare: impl FnOnce(&Path) -> std::result::Result<(), E>,
) -> std::result::Result<PathBuf, E> {
    let _lock = Lock::acquire(folder)?;
    let place = make(aside)?;
    prepare(&place)?;
    let exchanged = renameat_with(CWD, folder, CWD, &place, RenameFlags::EXCHANGE);
    exchanged.map_err(|error| files::refused("set aside", folder, error.into()))?;
    for parent in [folder, &place].into_iter().filter_map(Path::parent) {
        let synced = File::open(parent).and_then(|parent| parent.sync_all());
        synced.map_err(|error| files::refused("sync", parent, error))?;
    }
    Ok(place)
}

/// Makes the first folder of those names that there is none of yet.
fn make(aside: &Path) -> Result<PathBuf> {
    let name = aside.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let parent = aside.parent().unwrap_or(aside);
    let mut builder = DirBuilder::new();
    builder.mode(0o700).recursive(true);
    builder.create(parent).map_err(|error| files::refused("make", parent, error))?;
    builder.recursive(false);
    for number in 1..=NUMBER_MAX {
        let place = aside.with_file_name(format!("{name}-{number}"));
        match builder.create(&place) {
            Ok(()) => return Ok(place),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(files::refused("make", &place, error)),
        }
    }
    let many = io::Error::other(format!("there are {NUMBER_MAX} damaged states already; move some elsewhere"));
    Err(files::refused("make another folder like", aside, many))
}
