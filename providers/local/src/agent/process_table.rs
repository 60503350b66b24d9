//! The host's process table: who runs, since when, in which group, and as whose child.
//!
//! Linux reads `/proc`; elsewhere `ps` is asked, and what it can't tell (sockets, environments) stays unknown.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A process that can't be taken for a later one with the same id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    /// When it started, in a form that also changes with each boot.
    pub(crate) started: String,
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) parent: u32,
    pub(crate) group: u32,
    pub(crate) is_zombie: bool,
    pub(crate) started: String,
}

impl Identity {
    /// The identity of a running process.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        host::row(pid).filter(|row| !row.is_zombie).map(|row| Self { pid, started: row.started })
    }

    /// Whether this very process still runs.
    pub(crate) fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }
}

/// The processes with these ids, all their descendants, and all members of their process groups: a grandchild whose parent has
/// died still counts.
pub(crate) fn family(roots: &BTreeSet<u32>) -> BTreeSet<u32> {
    members(&host::table(), roots)
}

fn members(table: &BTreeMap<u32, Row>, roots: &BTreeSet<u32>) -> BTreeSet<u32> {
    let mut family: BTreeSet<u32> = roots.clone();
    loop {
        let before = family.len();
        for (pid, row) in table {
            if roots.contains(&row.group) || family.contains(&row.parent) {
                family.insert(*pid);
            }
        }
        if family.len() == before {
            return family;
        }
    }
}

/// The running processes whose environment holds this `NAME=value`.
pub(crate) fn with_environment(entry: &str) -> Vec<u32> {
    let table = host::table();
    let carries =
        |pid: &u32| host::environment(*pid).is_some_and(|text| text.split(|b| *b == 0).any(|e| e == entry.as_bytes()));
    table.iter().filter(|(_, row)| !row.is_zombie).map(|(pid, _)| *pid).filter(carries).collect()
}

/// The running members of a process group.
pub(crate) fn group(leader: u32) -> Vec<u32> {
    let table = host::table();
    table.iter().filter(|(_, row)| row.group == leader && !row.is_zombie).map(|(pid, _)| *pid).collect()
}

/// A process for people: "pid 4211 (restate-server)".
pub(crate) fn describe(pid: u32) -> String {
    match host::command(pid) {
        Some(command) => format!("pid {pid} ({command})"),
        None => format!("pid {pid}"),
    }
}

#[cfg(target_os = "linux")]
mod host {
    use std::collections::BTreeMap;
    use std::fs;
    use std::sync::OnceLock;

    use super::Row;

    pub(super) fn row(pid: u32) -> Option<Row> {
        parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// `pid (command) state ppid pgrp …`; the command may hold spaces and parentheses, so its last one ends it.
    fn parse(stat: &str) -> Option<Row> {
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(Row {
            is_zombie: matches!(*fields.first()?, "Z" | "X"),
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            started: format!("{}:{}", boot_id(), fields.get(19)?),
        })
    }

    fn boot_id() -> &'static str {
        static BOOT_ID: OnceLock<String> = OnceLock::new();
        BOOT_ID.get_or_init(|| {
            fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|id| id.trim().to_owned()).unwrap_or_default()
        })
    }

    pub(super) fn table() -> BTreeMap<u32, Row> {
        let Ok(entries) = fs::read_dir("/proc") else { return BTreeMap::new() };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(|pid| Some((pid, row(pid)?))).collect()
    }

    pub(super) fn environment(pid: u32) -> Option<Vec<u8>> {
        fs::read(format!("/proc/{pid}/environ")).ok()
    }

    pub(super) fn command(pid: u32) -> Option<String> {
        fs::read_to_string(format!("/proc/{pid}/comm")).ok().map(|name| name.trim().to_owned())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_command_may_hold_parentheses() {
            let row = parse("7 (a) b (c)) S 3 5 5 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4242 0 0").unwrap();
            assert_eq!((row.parent, row.group, row.is_zombie), (3, 5, false));
            assert!(row.started.ends_with(":4242"), "{}", row.started);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod host {
    use std::collections::BTreeMap;
    use std::process::Command;

    use super::Row;

    pub(super) fn row(pid: u32) -> Option<Row> {
        table().remove(&pid)
    }

    pub(super) fn table() -> BTreeMap<u32, Row> {
        let output = Command::new("ps").args(["-axo", "pid=,ppid=,pgid=,state=,lstart="]).output();
        let Ok(output) = output else { return BTreeMap::new() };
        String::from_utf8_lossy(&output.stdout).lines().filter_map(parse).collect()
    }

    fn parse(line: &str) -> Option<(u32, Row)> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let row = Row {
            parent: fields.get(1)?.parse().ok()?,
            group: fields.get(2)?.parse().ok()?,
            is_zombie: fields.get(3)?.starts_with('Z'),
            started: fields.get(4..)?.join(" "),
        };
        Some((fields.first()?.parse().ok()?, row))
    }

    pub(super) fn environment(_pid: u32) -> Option<Vec<u8>> {
        None
    }

    pub(super) fn command(pid: u32) -> Option<String> {
        let output = Command::new("ps").args(["-o", "comm=", "-p", &pid.to_string()]).output().ok()?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()).filter(|name| !name.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_holds_descendants_and_orphans_of_the_group() {
        let row = |parent, group| Row { parent, group, is_zombie: false, started: String::new() };
        let table = BTreeMap::from([
            (10, row(1, 10)),
            (11, row(10, 10)),
            (12, row(11, 12)),
            (13, row(1, 10)),
            (20, row(1, 20)),
        ]);
        assert_eq!(members(&table, &BTreeSet::from([10])), BTreeSet::from([10, 11, 12, 13]));
    }

    #[test]
    fn an_identity_is_of_one_start() {
        let own = Identity::of(std::process::id()).unwrap();
        assert!(own.is_alive());
        assert!(!Identity { started: "another boot".to_owned(), ..own }.is_alive());
    }
}
