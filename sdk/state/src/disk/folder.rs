//! Whether a path may be a state folder at all, and the names of the files in it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    error::{Error, Result},
    files,
};

/// What can stand at a state folder's path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existence {
    Present,
    Missing,
}

/// Checks a path before anything is created at it.
pub(crate) fn check(path: &Path) -> Result<Existence> {
    let existence = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Existence::Present,
        Ok(_) => return Err(Error::NotAFolder { path: path.to_owned() }),
        // Something is there that leads nowhere: a symbolic link whose target is gone.
        Err(error) if error.kind() == io::ErrorKind::NotFound && path.is_symlink() => {
            return Err(Error::NotAFolder { path: path.to_owned() });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Existence::Missing,
        Err(error) => return Err(files::refused("open", path, error)),
    };
    match network_file_system(path)? {
        Some(kind) => Err(Error::Network { path: path.to_owned(), kind }),
        None => Ok(existence),
    }
}

/// The name of the network file system that `path`, or the nearest folder above it, lies on.
#[cfg(target_os = "linux")]
fn network_file_system(path: &Path) -> Result<Option<&'static str>> {
    let absolute = std::path::absolute(path).map_err(|error| files::refused("open", path, error))?;
    let Some(present) = absolute.ancestors().find(|ancestor| ancestor.exists()) else { return Ok(None) };
    let status = rustix::fs::statfs(present).map_err(|error| files::refused("open", present, error.into()))?;
    // The kernel's type is signed, and wider on some machines than the 32 bits that carry the number.
    Ok(network_name(status.f_type as u32))
}

/// Elsewhere the number of a file system isn't public; the lock and the checks on the log still hold there.
#[cfg(not(target_os = "linux"))]
fn network_file_system(_path: &Path) -> Result<Option<&'static str>> {
    Ok(None)
}

/// The numbers stand in the kernel's `include/uapi/linux/magic.h` and in the sources of each file system.
#[cfg(target_os = "linux")]
pub(crate) fn network_name(number: u32) -> Option<&'static str> {
    Some(match number {
        0x6969 => "NFS",
        0x517B | 0xFF53_4D42 | 0xFE53_4D42 => "SMB",
        0x6573_5546 => "FUSE",
        0x0102_1997 => "9P",
        0x5346_414F | 0x6B41_4653 => "AFS",
        0x00C3_6400 => "Ceph",
        0x0BD0_0BD0 => "Lustre",
        0x7375_7245 => "Coda",
        _ => return None,
    })
}

pub(crate) fn lock(folder: &Path) -> PathBuf {
    folder.join("lock")
}

pub(crate) fn log(folder: &Path) -> PathBuf {
    folder.join("log")
}

pub(crate) fn seal(folder: &Path) -> PathBuf {
    folder.join("seal")
}

pub(crate) fn ballast(folder: &Path) -> PathBuf {
    folder.join("ballast")
}

pub(crate) fn snapshots(folder: &Path) -> PathBuf {
    folder.join("snapshots")
}
