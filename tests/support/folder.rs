//! A folder that is gone when the test is.

use std::{env, fs, path::PathBuf, process};

pub(crate) struct Folder(pub PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("terrane-stories-{name}-{}", process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that can't be removed is no reason to fail a test that has passed.
        let _ = fs::remove_dir_all(&self.0);
    }
}
