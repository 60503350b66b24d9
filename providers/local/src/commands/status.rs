//! `local status`: what runs where.

use super::{block_on, connect, regions};
use crate::status::{ProcessState, Status};
use std::{fmt::Write, process::ExitCode};
use terrane::{CommandLine, Result};

pub(super) fn run(line: &CommandLine) -> Result<ExitCode> {
    let regions = regions(line)?;
    if regions.is_empty() {
        println!("nothing runs: `up` starts the regions");
    }
    let mut text = String::new();
    for region in &regions {
        let status = block_on(async { connect(region).await?.status().await.map_err(Into::into) });
        match status {
            Ok(status) => describe(&status, &mut text),
            Err(error) => {
                let _ = writeln!(text, "{}  no agent: {error}; `up` starts it", region.name);
            }
        }
    }
    print!("{text}");
    Ok(ExitCode::SUCCESS)
}

/// One region as text. Writing to a `String` can't fail.
fn describe(status: &Status, text: &mut String) {
    let cut =
        if status.cut_from.is_empty() { String::new() } else { format!(" · cut from {}", status.cut_from.join(", ")) };
    let _ = writeln!(text, "{}  agent {} · up {} s{cut}", status.region, status.pid, status.uptime_ms / 1000);
    for (name, process) in &status.processes {
        let state = match process.state {
            ProcessState::Starting => "starting",
            ProcessState::Ready => "ready",
            ProcessState::BackingOff => "backing off",
            ProcessState::Stopped => "stopped",
        };
        let pid = process.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        let addresses = process.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let _ = writeln!(text, "  {name:<16} {state:<12} pid {pid:<8} restarts {:<3} {addresses}", process.restarts);
        let _ = writeln!(text, "  {:<16} {}", "", process.log.display());
        if process.state != ProcessState::Ready {
            let _ = writeln!(text, "  {:<16} {}", "", process.progress);
        }
        for note in &process.notes {
            let _ = writeln!(text, "  {:<16} {note}", "");
        }
    }
    for (name, balancer) in &status.balancers {
        let fault = if balancer.cut { " · cut" } else { "" };
        let (open, total) = (balancer.connections_open, balancer.connections_total);
        let _ = writeln!(
            text,
            "  {name:<16} balancer     {} -> {} · {open} of {total} connections{fault}",
            balancer.listen, balancer.target
        );
    }
    if let Some(endpoint) = &status.endpoint {
        let _ = writeln!(text, "  {:<16} S3           http://{}", "endpoint", endpoint.listen);
    }
    for (name, bucket) in &status.buckets {
        let _ = write!(text, "  {name:<16} bucket       {} objects, {} bytes", bucket.objects, bucket.size_bytes);
        for (peer, rule) in &bucket.replication {
            let _ = write!(text, " · {} waiting for {peer}", rule.pending);
        }
        text.push('\n');
    }
}
