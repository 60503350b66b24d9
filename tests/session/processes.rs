//! The processes that a session has started: region agents, and the servers that they run.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// Kills every process of a session, agents first: they would start their servers again.
pub(super) fn end_all(root: &Path) {
    agents(root).into_iter().for_each(kill);
    all().into_iter().filter(|pid| has_started(root, *pid)).for_each(kill);
}

/// Kills one process, by its id.
pub(crate) fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

pub(crate) fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// The running processes that an agent below a folder has started, by the name of their own folder; what they have started in turn
/// counts, too.
pub(crate) fn marked(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = all()
        .into_iter()
        .filter(|pid| is_running(*pid))
        .filter_map(|pid| marker(pid).filter(|own| own.starts_with(folder)))
        .map(|own| own.file_name().unwrap_or_default().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The agents below a folder: a process whose arguments name a folder in it.
pub(crate) fn agents(root: &Path) -> Vec<u32> {
    let serves = |pid: &u32| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut words = arguments.split(|byte| *byte == 0);
        words.any(|word| word == b"_agent") && words.any(|word| word.starts_with(root.as_os_str().as_bytes()))
    };
    all().into_iter().filter(serves).collect()
}

fn has_started(root: &Path, pid: u32) -> bool {
    marker(pid).is_some_and(|own| own.starts_with(root))
}

/// The folder in the mark that an agent leaves in the environment of what it starts.
fn marker(pid: u32) -> Option<PathBuf> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mark = environment.split(|byte| *byte == 0).find_map(|variable| variable.strip_prefix(b"TERRANE_PROCESS="))?;
    Some(PathBuf::from(String::from_utf8_lossy(mark).into_owned()))
}

fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}
