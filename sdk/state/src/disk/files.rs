//! Every change to a state folder goes through here: the orders of steps that survive a crash, and the rule that a
//! failed sync ends all writing.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{fs::OFlags, io::Errno};
use terrane_core::planted::{Bug, planted};

use super::{
    device::{Device, Handle},
    error::{Error, Result},
    header::Lineage,
};

/// The most bytes that a state file may have; what is larger is refused before it is read or written.
pub(crate) const FILE_BYTES_MAX: u64 = 1 << 30;
const PIECE_BYTES: usize = 64 << 10;

/// The one way to change the files of a state folder.
#[derive(Debug)]
pub(crate) struct Files {
    device: Box<dyn Device>,
    poison: Option<(&'static str, PathBuf, Arc<io::Error>)>,
}

impl Files {
    pub(crate) fn new(device: Box<dyn Device>) -> Self {
        Self { device, poison: None }
    }

    /// What a new state is told from others by.
    pub(crate) fn draw_lineage(&mut self, folder: &Path) -> Result<Lineage> {
        self.device.random().map(Lineage).map_err(|error| refused("name the state in", folder, error))
    }

    /// Writes a new version of `target` beside it and makes it durable, under a name that nobody reads: a crash leaves
    /// the old version.
    pub(crate) fn stage(&mut self, target: &Path, contents: &[&[u8]]) -> Result<Handle> {
        self.check()?;
        let path = target.with_extension("tmp");
        let staged = self.stage_at(&path, contents);
        if let Err(Error::DiskFull { .. }) = &staged {
            // It gives its space back; if that fails too, the next version takes its place.
            let _ = self.device.remove(&path);
        }
        staged
    }

    fn stage_at(&mut self, path: &Path, contents: &[&[u8]]) -> Result<Handle> {
        let handle = self.device.create(path).map_err(|error| refused("create", path, error))?;
        let mut offset = 0;
        for bytes in contents {
            self.device.write(&handle, offset, bytes).map_err(|error| refused("write", path, error))?;
            offset += bytes.len() as u64;
        }
        self.sync(&handle)?;
        Ok(handle)
    }

    /// Puts a staged file in its target's place, durably.
    pub(crate) fn publish(&mut self, staged: Handle, target: &Path) -> Result<Handle> {
        self.check()?;
        self.device.rename(&staged.path, target).map_err(|error| refused("rename to", target, error))?;
        self.sync_folder(parent(target))?;
        Ok(Handle { path: target.to_owned(), ..staged })
    }

    /// Writes to the end of a file, which is at `offset`. On a full disk the file is as it was before.
    pub(crate) fn append(&mut self, handle: &Handle, offset: u64, bytes: &[u8]) -> Result<()> {
        self.check()?;
        match self.device.write(handle, offset, bytes) {
            Ok(()) => Ok(()),
            Err(error) if is_full(&error) => {
                self.device.cut(handle, offset).map_err(|error| self.fatal("cut back", &handle.path, error))?;
                Err(Error::DiskFull { path: handle.path.clone() })
            }
            Err(error) => Err(self.fatal("append to", &handle.path, error)),
        }
    }

    /// Makes a file's contents durable. After a failure the kernel may have dropped them and say so only once: nothing
    /// more is written.
    pub(crate) fn sync(&mut self, handle: &Handle) -> Result<()> {
        self.check()?;
        self.device.sync(handle).map_err(|error| self.fatal("sync", &handle.path, error))
    }

    /// Removes a file, durably, so that its space is free at once.
    pub(crate) fn remove(&mut self, path: &Path) -> Result<()> {
        self.check()?;
        self.device.remove(path).map_err(|error| refused("remove", path, error))?;
        self.sync_folder(parent(path))
    }

    /// Creates a folder, and those above it, unless it is there.
    pub(crate) fn create_folder(&mut self, path: &Path) -> Result<()> {
        self.check()?;
        if path.is_dir() {
            return Ok(());
        }
        if !parent(path).is_dir() {
            self.create_folder(parent(path))?;
        }
        match self.device.create_folder(path) {
            Ok(()) => self.sync_folder(parent(path)),
            Err(_) if path.is_dir() => Ok(()),
            Err(error) => Err(refused("create", path, error)),
        }
    }

    /// Makes a folder's name durable, and those of the project's and the store's folders above it: whoever made them may have died before that.
    pub(crate) fn sync_names_of(&mut self, folder: &Path) -> Result<()> {
        folder.ancestors().skip(1).take(2).try_for_each(|above| self.sync_folder(above))
    }

    /// Makes the name of a file durable, whoever gave it.
    pub(crate) fn sync_name_of(&mut self, file: &Path) -> Result<()> {
        self.sync_folder(parent(file))
    }

    fn sync_folder(&mut self, path: &Path) -> Result<()> {
        if planted(Bug::FolderNotSynced) {
            return Ok(());
        }
        self.device.sync_folder(path).map_err(|error| self.fatal("sync", path, error))
    }

    fn check(&self) -> Result<()> {
        match &self.poison {
            Some((action, path, cause)) => {
                Err(Error::Poisoned { action, path: path.clone(), cause: Arc::clone(cause) })
            }
            None => Ok(()),
        }
    }

    fn fatal(&mut self, action: &'static str, path: &Path, error: io::Error) -> Error {
        let cause = Arc::new(error);
        self.poison = Some((action, path.to_owned(), Arc::clone(&cause)));
        Error::Poisoned { action, path: path.to_owned(), cause }
    }
}

/// Opens a file of the state folder that may be missing. Links and pipes are refused: they could lead, or block,
/// anywhere.
pub(crate) fn open(path: &Path, options: &mut OpenOptions) -> Result<Option<File>> {
    let file = match options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if is_link_loop(&error) => return Err(Error::NotAFile { path: path.to_owned() }),
        Err(error) => return Err(refused("open", path, error)),
    };
    let metadata = file.metadata().map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })?;
    if metadata.is_file() { Ok(Some(file)) } else { Err(Error::NotAFile { path: path.to_owned() }) }
}

/// All bytes of a file of the state folder, or nothing where there is no such file.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let Some(file) = open(path, OpenOptions::new().read(true))? else { return Ok(None) };
    let failed = |source| Error::Io { action: "read", path: path.to_owned(), source };
    // One byte more than it has, so that the end is seen without growing.
    let size = file.metadata().map_err(failed)?.len().min(FILE_BYTES_MAX) + 1;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    check_size(path, bytes.len())?;
    Ok(Some(bytes))
}

/// Whether a file of the state folder holds exactly these bytes. It is read piece by piece, as states can be large.
pub(crate) fn holds(path: &Path, contents: &[&[u8]]) -> Result<bool> {
    let Some(mut file) = open(path, OpenOptions::new().read(true))? else { return Ok(false) };
    let mut piece = vec![0; PIECE_BYTES];
    for expected in contents.iter().flat_map(|part| part.chunks(PIECE_BYTES)) {
        match file.read_exact(&mut piece[..expected.len()]) {
            Ok(()) if piece[..expected.len()] == *expected => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(source) => return Err(Error::Io { action: "read", path: path.to_owned(), source }),
        }
    }
    let more = file.read(&mut piece[..1]);
    Ok(more.map_err(|source| Error::Io { action: "read", path: path.to_owned(), source })? == 0)
}

pub(crate) fn check_size(path: &Path, size: usize) -> Result<()> {
    if size as u64 > FILE_BYTES_MAX {
        let (size_bytes, size_bytes_max) = (size as u64, FILE_BYTES_MAX);
        return Err(Error::TooLarge { path: path.to_owned(), size_bytes, size_bytes_max });
    }
    Ok(())
}

/// The error for something the operating system refused, by what a person would do about it.
pub(crate) fn refused(action: &'static str, path: &Path, source: io::Error) -> Error {
    let path = path.to_owned();
    match source.kind() {
        _ if is_full(&source) => Error::DiskFull { path },
        _ if is_link_loop(&source) => Error::LinkLoop { path },
        io::ErrorKind::NotADirectory => Error::NotAFolder { path },
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Error::NotWritable { path, source },
        _ => Error::Io { action, path, source },
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn is_link_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
