//! Starting an agent as a detached process.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::{Error, Result};
use super::folder::Folder;
use super::logs;
use super::process::MARKER;
use crate::client::Client;

/// How long an agent may take to answer. It may first have to stop what an earlier one has left.
const START_LIMIT: Duration = Duration::from_secs(30);

const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Lines of the agent's log that an error quotes.
const TAIL_LINES: usize = 20;

/// What [`start`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// A new agent was started.
    New,
    /// An agent was there and answers.
    Already,
}

/// Starts an agent in `folder` by a command line that leads to [`super::serve`], unless one answers there, and waits until it
/// answers. The agent works in its folder, so paths in the command line and in the added environment variables must be absolute.
///
/// # Errors
/// If the program can't be started, or does not answer in time; with the end of its log.
pub async fn start(folder: &Path, command: Vec<OsString>, environment: &[(&'static str, OsString)]) -> Result<Started> {
    if Client::answers(folder).await {
        return Ok(Started::Already);
    }
    let folder = Folder::new(folder);
    folder.socket()?;
    folder.create()?;
    let mut agent = agent(&command, environment)?;
    let mut is_last = !terrane::without_secrets(&mut agent);
    let mut child = spawn(&folder, agent)?;
    let deadline = Instant::now() + START_LIMIT;
    while Instant::now() < deadline {
        if Client::answers(folder.path()).await {
            return Ok(Started::New);
        }
        if let Some(status) = child.try_wait().map_err(Error::io("wait for", "the agent"))? {
            // Another starter's agent may have been faster.
            if Client::answers(folder.path()).await {
                return Ok(Started::Already);
            }
            if std::mem::replace(&mut is_last, true) {
                return Err(failure(&folder, format!("did not come up, it ended with {status}")));
            }
            // A program that doesn't link the provider finds it by evaluating itself, which may need its secrets.
            child = spawn(&folder, self::agent(&command, environment)?)?;
        }
        sleep(POLL_INTERVAL).await;
    }
    Err(failure(&folder, format!("did not answer within {} s", START_LIMIT.as_secs())))
}

fn agent(command: &[OsString], environment: &[(&'static str, OsString)]) -> Result<Command> {
    let [program, arguments @ ..] = command else {
        return Err(Error::Invalid("the agent's command line is empty".to_owned()));
    };
    let mut agent = Command::new(program);
    agent.args(arguments).envs(environment.iter().map(|(name, value)| (name, value)));
    // An agent started by a supervised process must not count as part of that one.
    agent.env_remove(MARKER);
    Ok(agent)
}

/// The agent makes itself the leader of a new session as its first act, and this function's caller waits until it answers: so
/// it is detached before anyone relies on it.
fn spawn(folder: &Folder, mut agent: Command) -> Result<Child> {
    let log = logs::open(&folder.agent_log())?;
    let errors = log.try_clone().map_err(Error::file("open", &folder.agent_log()))?;
    let spawned = agent.stdin(Stdio::null()).stdout(log).stderr(errors).spawn();
    spawned.map_err(Error::io("start", agent.get_program().display()))
}

fn failure(folder: &Folder, outcome: String) -> Error {
    let log = folder.agent_log();
    let tail = logs::tail(&log, TAIL_LINES);
    Error::Start { outcome, log: log.display().to_string(), tail }
}

/// Puts a copy of a program into a folder, so that an agent that runs it is not disturbed when the program is built anew: a hard
/// link where possible, as builds replace files rather than overwrite them, else a copy. Gives the path of the copy.
///
/// # Errors
/// If the file can't be read or the folder can't be written.
pub fn snapshot_binary(program: &Path, folder: &Path) -> Result<PathBuf> {
    super::folder::create_private(folder)?;
    let target = folder.join(program.file_name().unwrap_or("agent".as_ref()));
    let temporary = target.with_extension(format!("{}.new", std::process::id()));
    super::folder::remove_if_there(&temporary)?;
    if fs::hard_link(program, &temporary).is_err() {
        fs::copy(program, &temporary).map_err(Error::file("copy", program))?;
    }
    fs::rename(&temporary, &target).map_err(Error::file("write", &target))?;
    // Renaming one hard link over another of the same file does nothing, and leaves both.
    super::folder::remove_if_there(&temporary)?;
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_outlives_its_program() {
        let folder = std::env::temp_dir().join(format!("terrane-snapshot-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let program = folder.join("program");
        fs::write(&program, "old").unwrap();
        let copies = folder.join("copies");
        let snapshot = snapshot_binary(&program, &copies).unwrap();
        assert_eq!(snapshot_binary(&program, &copies).unwrap(), snapshot);
        fs::remove_file(&program).unwrap();
        assert_eq!(fs::read_to_string(&snapshot).unwrap(), "old");
        fs::write(&program, "new").unwrap();
        assert_eq!(fs::read_to_string(snapshot_binary(&program, &copies).unwrap()).unwrap(), "new");
        assert_eq!(fs::read_dir(&copies).unwrap().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }
}
