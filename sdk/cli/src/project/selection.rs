//! Which stack is meant when nobody says so.

use super::{home, places, places::is_missing};
use crate::error::{Error, Result};
use std::{fs, path::PathBuf};
use terrane_core::urn::name_fault;
use terrane_state::disk::create_folder;

/// The stack of a project in which none was selected.
pub(super) const DEFAULT: &str = "dev";

/// A stack's name, if it can be one: it is part of file names and URNs.
pub(super) fn checked(stack: &str) -> Result<String> {
    match name_fault(stack) {
        None if !stack.starts_with('.') => Ok(stack.to_owned()),
        fault => {
            let fault = fault.unwrap_or("a stack's name doesn't begin with a dot");
            Err(Error::usage(format!("`{}` can't be a stack: {fault}", stack.escape_debug())))
        }
    }
}

/// The selected stack.
pub(super) fn read(state: &str, project: &str) -> Result<String> {
    let path = file(state, project)?;
    match fs::read_to_string(&path) {
        Ok(stack) => checked(stack.trim()),
        Err(error) if is_missing(&error) => Ok(DEFAULT.to_owned()),
        Err(error) => Err(Error::file("read", &path, &error)),
    }
}

/// Remembers the selected stack.
pub(super) fn write(state: &str, project: &str, stack: &str) -> Result<()> {
    let path = file(state, project)?;
    path.parent().map_or(Ok(()), create_folder)?;
    fs::write(&path, format!("{stack}\n")).map_err(|error| Error::file("write", &path, &error))
}

/// Beside the state when that is a folder; a place that others share doesn't hold what one person has selected.
fn file(state: &str, project: &str) -> Result<PathBuf> {
    let folder = places::folder(state).map_or_else(home::state_folder, Ok)?;
    Ok(folder.join(project).join("selected-stack"))
}
