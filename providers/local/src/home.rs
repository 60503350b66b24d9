//! Where this user's folders are: by a variable of ours, else by the system's conventions.

use std::{env, path::PathBuf};

/// The folder in the variable `own`, else `inside` the folder in `conventional`, else inside `fallback` below the home folder.
pub(crate) fn folder(own: &str, conventional: &str, fallback: &str, inside: &str) -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let user = || set(conventional).or_else(|| set("HOME").map(|home| home.join(fallback)));
    set(own).or_else(|| user().map(|folder| folder.join(inside)))
}
