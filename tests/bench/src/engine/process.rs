//! What the system knows of a process's memory and writes. It is read from `/proc`, so these measurements need Linux.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// How often another program is looked at while it runs.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// What this process has written so far, to any file or pipe.
pub(super) fn written_bytes() -> Result<u64> {
    number("/proc/self/io", "wchar:")
}

/// The most memory that this process ever had.
pub(super) fn peak_memory_bytes() -> Result<u64> {
    Ok(number("/proc/self/status", "VmHWM:")? * 1024)
}

/// What a run of another program has cost.
#[derive(Default)]
pub(super) struct Cost {
    pub(super) seconds: f64,
    pub(super) rss_bytes: u64,
    pub(super) written_bytes: u64,
}

/// Runs another program to its end, looking at it all the while: when it has ended, the system forgets what it cost.
pub(super) fn watch(command: &mut Command) -> Result<Cost> {
    let shown = format!("{command:?}");
    let began = Instant::now();
    let starting = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    let mut child = starting.with_context(|| format!("starting {shown}"))?;
    let (status_file, io_file) = (format!("/proc/{}/status", child.id()), format!("/proc/{}/io", child.id()));
    let mut cost = Cost::default();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        cost.rss_bytes = number(&status_file, "VmHWM:").map_or(cost.rss_bytes, |kilobytes| kilobytes * 1024);
        cost.written_bytes = number(&io_file, "wchar:").unwrap_or(cost.written_bytes);
        sleep(LOOK_INTERVAL);
    };
    cost.seconds = began.elapsed().as_secs_f64();
    ensure!(status.success(), "{shown} failed ({status}), see above");
    Ok(cost)
}

/// The number after a label, in a file of `/proc`.
fn number(file: &str, label: &str) -> Result<u64> {
    let text = fs::read_to_string(file).with_context(|| format!("{file} can't be read; measuring needs Linux"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(label));
    let word = line.and_then(|line| line.split_whitespace().next());
    word.and_then(|word| word.parse().ok()).with_context(|| format!("{file} has no number after `{label}`"))
}
