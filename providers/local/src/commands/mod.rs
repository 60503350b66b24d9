//! The provider's own commands: `<program> local …`.

mod agent;
mod cut;
mod logs;
mod status;

use crate::{Local, client::Client};
use std::path::PathBuf;
use terrane::{Command, CommandLine, Context, Error, Result};

/// All of them.
pub(crate) const ALL: &[Command] = &[
    Command { name: "status", about: "What runs where: processes, balancers, buckets, cuts", run: status::run },
    Command { name: "logs", about: "The log of a process: NAME [--follow]", run: logs::run },
    Command { name: "cut", about: "Cut two regions from each other: REGION REGION", run: cut::cut },
    Command { name: "heal", about: "Heal the cut between two regions: REGION REGION", run: cut::heal },
    Command { name: "_agent", about: "Serve a region; started by `up`", run: agent::run },
];

/// A region that has a folder.
struct Known {
    name: String,
    folder: PathBuf,
}

/// The regions of the program's handles, by name.
fn regions(line: &CommandLine) -> Result<Vec<Known>> {
    let mut regions = Vec::new();
    for settings in &line.settings {
        let local: Local = serde_json::from_value(settings.clone())?;
        for entry in std::fs::read_dir(local.folder()).into_iter().flatten() {
            let folder = entry.context(format!("listing {}", local.folder().display()))?.path();
            let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if folder.join("desired.json").exists() {
                regions.push(Known { name, folder });
            }
        }
    }
    regions.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(regions)
}

fn region(regions: &[Known], name: &str) -> Result<PathBuf> {
    let found = regions.iter().find(|region| region.name == name);
    found.map(|region| region.folder.clone()).ok_or_else(|| {
        let known = regions.iter().map(|region| region.name.as_str()).collect::<Vec<_>>().join(", ");
        Error::new(format!("there is no region `{name}`")).help(format!("the regions of this stack are: {known}"))
    })
}

/// Runs a command's asynchronous part.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

async fn connect(region: &Known) -> Result<Client> {
    Client::connect(&region.folder).await.context(format!("region {}", region.name))
}
