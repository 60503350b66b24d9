//! The region agent: a daemon that runs a region's servers, balancers and S3 endpoint.
//!
//! # Flow
//! [`start`] brings up a detached process, which calls [`serve`]: it takes the folder's lock, reads what it is meant to run,
//! adopts what an earlier agent has left running, starts the rest, and answers requests on the control socket.
//!
//! # Guarantees
//! One agent serves a folder. What a request asks for is on disk before it is acted on, so an agent that is killed and started
//! again brings everything back. Killing the agent doesn't stop its servers; the next agent adopts them. Only a shutdown on
//! request stops them; also after SIGTERM they run on.

mod backoff;
mod balancer;
mod balancers;
mod bucket;
mod buckets;
mod control;
mod desired;
mod error;
mod folder;
mod limits;
mod listener;
mod logs;
mod partition;
mod ports;
mod process;
mod process_table;
mod processes;
mod readiness;
mod region;
mod replication;
mod slots;
mod start;
mod supervisor;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use tokio::signal::unix::{SignalKind, signal};

pub use error::{Error, Result};
pub(crate) use folder::Folder;
pub use start::{Started, snapshot_binary, start};

use process_table::Identity;
use region::Region;

/// How long the folder's lock is waited for.
const LOCK_LIMIT: Duration = Duration::from_secs(2);

/// How often the lock is tried.
const LOCK_INTERVAL: Duration = Duration::from_millis(20);

/// What an agent must be told.
#[derive(Debug, Clone)]
pub struct Options {
    /// The region's name, as its peers know it.
    pub region: String,
    /// The agent's folder. Made if it isn't there.
    pub folder: PathBuf,
}

/// Serves a region until it is shut down on request, or a signal ends the agent alone. Call it in a process of its own.
///
/// # Errors
/// If another agent serves the folder, or the folder can't be used.
pub fn serve(options: &Options) -> Result<()> {
    // In a session of its own, no terminal's signals reach it. It fails where the starter has seen to that already.
    let _ = rustix::process::setsid();
    folder::check_name("region", &options.region)?;
    std::fs::create_dir_all(&options.folder).map_err(Error::file("create", &options.folder))?;
    let path = options.folder.canonicalize().map_err(Error::file("find", &options.folder))?;
    let folder = Folder::new(path);
    folder.create()?;
    // So that it keeps no other folder in use.
    std::env::set_current_dir(folder.path()).map_err(Error::file("enter", folder.path()))?;
    let _lock = take_lock(&folder)?;
    write_identity(&folder)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(Error::io("start", "the agent's runtime"))?;
    let result = runtime.block_on(run(&options.region, &folder));
    // Without waiting: a supervisor that still runs leaves its process to the next agent.
    runtime.shutdown_background();
    result
}

async fn run(name: &str, folder: &Folder) -> Result<()> {
    let socket = folder.socket()?;
    let region = Arc::new(Region::open(name, folder)?);
    region.restore().await?;
    // Bound last: who can connect finds everything restored.
    let listener = control::bind(&socket)?;
    let control = tokio::spawn(control::serve(listener, Arc::clone(&region)));
    let rotation = tokio::spawn(logs::keep_small(folder.path().join("logs"), folder.agent_log()));
    logs::note(&format!("region {name}: agent {} serves {}", std::process::id(), folder.path().display()));
    let ended = wait_for_end(&region).await;
    folder::remove_if_there(&socket)?;
    if ended == End::ShutDown {
        folder::remove_if_there(&folder.agent_identity())?;
        // The answer to the request is still on its way.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    control.abort();
    rotation.abort();
    logs::note(&format!("region {name}: agent ends ({ended:?})"));
    Ok(())
}

/// Why an agent ends.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// On request, with everything stopped.
    ShutDown,
    /// By a signal, with its servers left running.
    Signal,
}

async fn wait_for_end(region: &Region) -> End {
    let terminate = async {
        match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
            (Ok(mut terminate), Ok(mut interrupt)) => {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            }
            // Without handlers the signals have their usual effect.
            _ => std::future::pending().await,
        }
    };
    tokio::select! {
        () = region.was_shut_down.notified() => End::ShutDown,
        () = terminate => End::Signal,
    }
}

/// Takes the folder's lock, which the kernel frees when this process ends, however it ends.
fn take_lock(folder: &Folder) -> Result<File> {
    let path = folder.lock();
    let mut options = OpenOptions::new();
    let file =
        options.write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(Error::file("open", &path))?;
    let began = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            // An agent that is just dying still has it for a moment.
            Err(rustix::io::Errno::WOULDBLOCK) if began.elapsed() < LOCK_LIMIT => std::thread::sleep(LOCK_INTERVAL),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(Error::Running { folder: folder.path().display().to_string() });
            }
            Err(other) => return Err(Error::file("lock", &path)(other.into())),
        }
    }
}

fn write_identity(folder: &Folder) -> Result<()> {
    let own = Identity::of(std::process::id());
    let content = serde_json::to_vec(&own).map_err(|error| Error::Invalid(error.to_string()))?;
    folder::write_private(&folder.agent_identity(), &content)
}
