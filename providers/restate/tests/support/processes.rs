//! The processes of this machine, as far as they belong to a test.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    path::Path,
    thread::sleep,
    time::{Duration, Instant},
};

/// How long anything may take before a test gives up.
const LIMIT: Duration = Duration::from_secs(60);

/// The agents and servers below a folder. Servers carry a marker in their environment, agents the folder in their command.
pub(crate) fn below(folder: &Path) -> Vec<u32> {
    let mut pids = agents(folder);
    pids.extend(servers(folder));
    pids
}

/// The agents of regions below a folder.
pub(crate) fn agents(folder: &Path) -> Vec<u32> {
    let folder = folder.display().to_string();
    let is_agent = |pid: &u32| {
        let command = read(*pid, "cmdline");
        command.contains("agent\0") && command.contains(&format!("\0{folder}"))
    };
    running().into_iter().filter(is_agent).collect()
}

/// The servers below a folder.
pub(crate) fn servers(folder: &Path) -> Vec<u32> {
    let marker = format!("TERRANE_PROCESS={}/", folder.display());
    running().into_iter().filter(|pid| read(*pid, "environ").contains(&marker)).collect()
}

/// The server of one node, by its resource's name and region.
pub(crate) fn server(folder: &Path, region: &str, name: &str) -> u32 {
    let ends = format!("/{region}/processes/{name}\0");
    let found = servers(folder).into_iter().find(|pid| format!("{}\0", read(*pid, "environ")).contains(&ends));
    found.unwrap_or_else(|| panic!("{name} of {region} does not run"))
}

/// Kills processes as a crash would, and waits until they are gone.
pub(crate) fn kill(pids: &[u32]) {
    for pid in pids {
        let pid = Pid::from_raw(i32::try_from(*pid).unwrap()).unwrap();
        let _ = kill_process(pid, Signal::KILL);
    }
    eventually("the killed are gone", || !pids.iter().any(|pid| running().contains(pid)));
}

/// Waits until something holds.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        sleep(Duration::from_millis(50));
    }
}

fn running() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_alive = |pid: &u32| {
        let stat = read(*pid, "stat");
        stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
    };
    pids.filter(is_alive).collect()
}

fn read(pid: u32, file: &str) -> String {
    String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default()).into_owned()
}
