//! The few things that are ever done to the disk, behind a trait, so that tests and simulations can stop, fail or record each of them.

use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

/// An open file that knows its name.
#[derive(Debug)]
pub struct Handle {
    /// The file.
    pub file: File,
    /// Its name.
    pub path: PathBuf,
}

/// The changes that the disk layer makes; each is one system call or a short loop of one.
pub trait Device: Send + fmt::Debug {
    /// Creates a folder for this user only.
    fn create_folder(&mut self, path: &Path) -> io::Result<()>;
    /// Creates an empty file for this user only; one that is there loses its contents.
    fn create(&mut self, path: &Path) -> io::Result<Handle>;
    /// Writes all of `bytes` at `offset`.
    fn write(&mut self, handle: &Handle, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Cuts the file to `length` bytes.
    fn cut(&mut self, handle: &Handle, length: u64) -> io::Result<()>;
    /// Makes the file's contents durable.
    fn sync(&mut self, handle: &Handle) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&mut self, path: &Path) -> io::Result<()>;
    /// Gives a file another name, in place of what had that name.
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&mut self, path: &Path) -> io::Result<()>;
    /// A number that nobody else draws, to name a new state by.
    fn random(&mut self) -> io::Result<[u8; 16]> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        Ok(bytes)
    }
}

/// The real disk.
#[derive(Debug)]
pub struct Kernel;

impl Device for Kernel {
    fn create_folder(&mut self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)
    }

    fn create(&mut self, path: &Path) -> io::Result<Handle> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true).mode(0o600);
        let file = options.custom_flags(OFlags::NOFOLLOW.bits() as i32).open(path)?;
        Ok(Handle { file, path: path.to_owned() })
    }

    fn write(&mut self, handle: &Handle, offset: u64, bytes: &[u8]) -> io::Result<()> {
        handle.file.write_all_at(bytes, offset)
    }

    fn cut(&mut self, handle: &Handle, length: u64) -> io::Result<()> {
        handle.file.set_len(length)
    }

    fn sync(&mut self, handle: &Handle) -> io::Result<()> {
        handle.file.sync_data()
    }

    fn sync_folder(&mut self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}
