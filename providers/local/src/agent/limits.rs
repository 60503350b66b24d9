//! Limits of what a process may use, as far as they can be set from outside without control groups.

use crate::spec::Limits;

/// Applies the limits to a process that has just started; gives back a note for each that isn't enforced.
pub(crate) fn apply(pid: u32, limits: &Limits) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(bytes) = limits.memory_bytes
        && let Err(reason) = limit_memory(pid, bytes)
    {
        notes.push(format!("the memory limit of {bytes} bytes is not enforced: {reason}"));
    }
    if let Some(cpus) = limits.cpus {
        notes.push(format!("the limit of {cpus} processors is not enforced: it would need a control group"));
    }
    notes
}

#[cfg(target_os = "linux")]
fn limit_memory(pid: u32, bytes: u64) -> Result<(), String> {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or("the process has no id")?;
    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    prlimit(Some(pid), Resource::As, limit).map(drop).map_err(|error| error.to_string())
}

#[cfg(not(target_os = "linux"))]
fn limit_memory(_pid: u32, _bytes: u64) -> Result<(), String> {
    Err("this system can't limit another process".to_owned())
}
