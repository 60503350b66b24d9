//! One mebibyte held in reserve, so that calls in flight can be recorded when the disk is full.

use std::path::{Path, PathBuf};

use super::{
    error::{Error, Result},
    files::Files,
    folder,
};

pub(crate) const BALLAST_BYTES: usize = 1 << 20;

/// The file held in reserve.
#[derive(Debug)]
pub(crate) struct Ballast {
    path: PathBuf,
}

impl Ballast {
    pub(crate) fn of(folder: &Path) -> Self {
        Self { path: folder::ballast(folder) }
    }

    /// Makes sure that the reserve is there, before anything is begun that may need it.
    pub(crate) fn load(&self, files: &mut Files) -> Result<()> {
        if self.is_loaded() {
            return Ok(());
        }
        // Random bytes: zeros would take no space on a file system that compresses.
        let mut bytes = vec![0; BALLAST_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| Error::Io {
            action: "fill",
            path: self.path.clone(),
            source: error.into(),
        })?;
        let staged = files.stage(&self.path, &[&bytes])?;
        files.publish(staged, &self.path)?;
        Ok(())
    }

    /// Gives the space back to the disk; `false` if there is none left to give.
    pub(crate) fn release(&self, files: &mut Files) -> Result<bool> {
        if !self.is_loaded() {
            return Ok(false);
        }
        files.remove(&self.path)?;
        Ok(true)
    }

    fn is_loaded(&self) -> bool {
        self.path.symlink_metadata().is_ok()
    }
}
