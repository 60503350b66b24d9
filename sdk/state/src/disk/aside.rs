//! Putting a state out of the way: its folder becomes another one, whole, in one step.

use super::{
    error::{Error, Result},
    files,
    lock::Lock,
};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

/// So many states are kept aside of a stack; more than that is a fault that goes on.
const NUMBER_MAX: u32 = 99;

/// Exchanges a locked state's folder with a new one, in which `prepare` has put what the stack is to keep. The old one is then
/// `<aside>-<number>`, with the lock that is held; who waits for it finds the new folder's.
///
/// # Errors
/// When the folders can't be made; nothing has changed then.
pub fn set_aside<E: From<Error>>(
    lock: &Lock,
    aside: &Path,
    prepare: impl FnOnce(&Path) -> std::result::Result<(), E>,
) -> std::result::Result<PathBuf, E> {
    let (folder, place) = (lock.folder(), make(aside)?);
    prepare(&place)?;
    let exchanged = renameat_with(CWD, folder, CWD, &place, RenameFlags::EXCHANGE);
    exchanged.map_err(|error| files::refused("set aside", folder, error.into()))?;
    for parent in [folder, &place].into_iter().filter_map(Path::parent) {
        let synced = File::open(parent).and_then(|parent| parent.sync_all());
        synced.map_err(|error| files::refused("sync", parent, error))?;
    }
    Ok(place)
}

/// Deletes a folder that was set aside; what a kill leaves of it, [`sweep`] deletes.
///
/// # Errors
/// What can't be deleted.
pub fn delete(place: &Path) -> Result<()> {
    match fs::remove_dir_all(place) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(files::refused("remove", place, error)),
        _ => Ok(()),
    }
}

/// Deletes all folders `<aside>-<number>`. Only who holds the lock of the stack may.
///
/// # Errors
/// What can't be deleted.
pub fn sweep(aside: &Path) -> Result<()> {
    let name = name_of(aside);
    let Ok(entries) = fs::read_dir(aside.parent().unwrap_or(aside)) else { return Ok(()) };
    let is_one = |entry: &fs::DirEntry| {
        let found = entry.file_name().to_string_lossy().into_owned();
        found.strip_prefix(&format!("{name}-")).is_some_and(|number| number.parse::<u32>().is_ok())
    };
    entries.flatten().filter(is_one).try_for_each(|entry| delete(&entry.path()))
}

/// Makes the first folder of those names that there is none of yet.
fn make(aside: &Path) -> Result<PathBuf> {
    let name = name_of(aside);
    super::create_folder(aside.parent().unwrap_or(aside))?;
    for number in 1..=NUMBER_MAX {
        let place = aside.with_file_name(format!("{name}-{number}"));
        match DirBuilder::new().mode(0o700).create(&place) {
            Ok(()) => return Ok(place),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(files::refused("make", &place, error)),
        }
    }
    let many = io::Error::other(format!("there are {NUMBER_MAX} of them already; move some elsewhere"));
    Err(files::refused("make another folder like", aside, many))
}

fn name_of(aside: &Path) -> String {
    aside.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
