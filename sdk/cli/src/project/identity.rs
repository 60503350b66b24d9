//! Which program a project's state belongs to: two programs of the same name must not share one by accident.

use super::{places, places::is_missing};
use crate::{
    error::{Error, Result},
    exit::Exit,
};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::{Path, PathBuf},
};
use terrane_state::disk::create_folder;

/// What is noted beside a project's stacks.
#[derive(Serialize, Deserialize)]
struct Identity {
    /// The folder of the program's manifest.
    manifest_dir: PathBuf,
}

/// Refuses another program's state. Places that machines share are not checked: the same program has another folder on each.
pub(super) fn check(state: &str, project: &str, manifest: &Path) -> Result<()> {
    let Some(path) = file(state, project) else { return Ok(()) };
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if is_missing(&error) => return Ok(()),
        Err(error) => return Err(Error::file("read", &path, &error)),
    };
    let noted: Identity = serde_json::from_slice(&text)
        .map_err(|error| Error::failed(format!("{} is damaged: {error}", path.display())).hint("remove it"))?;
    if noted.manifest_dir == manifest || manifest.as_os_str().is_empty() {
        return Ok(());
    }
    Err(Error::new(Exit::Refused, format!("project `{project}` has state already, and it belongs to another program"))
        .detail(format!("that program: {}", noted.manifest_dir.display()))
        .detail(format!("this program: {}", manifest.display()))
        .detail(format!("the state:    {state}"))
        .hint("give this program another name, or another place for its state with --state")
        .hint(format!("if the program has only moved, remove {}", path.display())))
}

/// Notes whose state it is, unless that is noted already.
pub(super) fn claim(state: &str, project: &str, manifest: &Path) -> Result<()> {
    let Some(path) = file(state, project).filter(|path| !path.exists() && !manifest.as_os_str().is_empty()) else {
        return Ok(());
    };
    let text = serde_json::to_vec_pretty(&Identity { manifest_dir: manifest.to_owned() }).unwrap_or_default();
    path.parent().map_or(Ok(()), create_folder)?;
    fs::write(&path, text).map_err(|error| Error::file("write", &path, &error))
}

fn file(state: &str, project: &str) -> Option<PathBuf> {
    Some(places::folder(state)?.join(project).join("project.json"))
}
