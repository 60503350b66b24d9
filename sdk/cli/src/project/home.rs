//! The folder in which a user's programs keep state when nobody says otherwise.

use crate::error::{Error, Result};
use std::{env, path::PathBuf};

/// `$XDG_STATE_HOME/terrane`, else the system's usual place below the home folder.
pub(super) fn state_folder() -> Result<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(folder) = absolute("XDG_STATE_HOME") {
        return Ok(folder.join("terrane"));
    }
    let usual = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/state" };
    match env::home_dir().filter(|home| home.is_absolute()) {
        Some(home) => Ok(home.join(usual).join("terrane")),
        None => Err(Error::usage("there is no home folder to keep state in")
            .hint("pass --state file:///some/folder, or set TERRANE_STATE")),
    }
}
