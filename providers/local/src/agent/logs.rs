//! Log files: opening them for a child, rotating them by size, and reading their end.
//!
//! A child writes straight into its file, so that it outlives the agent. Rotation therefore copies and truncates: lines written
//! in between, a moment's worth, are lost.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{Error, Result};
use super::folder::remove_if_there;

/// Size at which a log is rotated.
const LOG_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Rotated files kept beside the current one.
const ROTATED_MAX: u32 = 2;

/// How often sizes are looked at.
const ROTATION_INTERVAL: Duration = Duration::from_secs(2);

/// How much of a file's end is read.
const TAIL_BYTES: u64 = 8 * 1024;

/// Opens a log so that each write lands at its end, also after it was truncated.
pub(crate) fn open(path: &Path) -> Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(Error::file("open", path))
}

/// The last lines of a file, at most `lines`.
pub(crate) fn tail(path: &Path, lines: usize) -> String {
    let text = read_end(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn read_end(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut text = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut text)?;
    Ok(text)
}

/// Keeps the logs in a folder, and one more file, below their size, for as long as the agent runs.
pub(crate) async fn keep_small(folder: PathBuf, also: PathBuf) {
    loop {
        tokio::time::sleep(ROTATION_INTERVAL).await;
        let logs = fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let current = logs.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
        for path in current.chain([also.clone()]) {
            if fs::metadata(&path).is_ok_and(|metadata| metadata.len() > LOG_BYTES_MAX)
                && let Err(error) = rotate(&path)
            {
                note(&format!("cannot rotate {}: {error}", path.display()));
            }
        }
    }
}

fn rotate(path: &Path) -> std::io::Result<()> {
    for generation in (1..ROTATED_MAX).rev() {
        let older = rotated(path, generation + 1);
        if rotated(path, generation).exists() {
            fs::rename(rotated(path, generation), older)?;
        }
    }
    fs::copy(path, rotated(path, 1))?;
    OpenOptions::new().write(true).open(path)?.set_len(0)
}

/// Removes a log with its rotated files.
pub(crate) fn remove(path: &Path) -> Result<()> {
    remove_if_there(path)?;
    (1..=ROTATED_MAX).try_for_each(|generation| remove_if_there(&rotated(path, generation)))
}

fn rotated(path: &Path, generation: u32) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(format!(".{generation}"));
    PathBuf::from(name)
}

/// A line in the agent's own log: its standard error, which the starter points at `agent.log`.
pub(crate) fn note(text: &str) {
    use std::io::Write;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    // Nobody is left to tell when the log itself can't be written.
    let _ = writeln!(std::io::stderr(), "{}.{:03} {text}", now.as_secs(), now.subsec_millis());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rotation_keeps_the_last_files() {
        let folder = std::env::temp_dir().join(format!("terrane-logs-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a.log");
        for generation in 0..4 {
            fs::write(&path, format!("{generation}\n")).unwrap();
            rotate(&path).unwrap();
        }
        assert_eq!(tail(&path, 3), "");
        assert_eq!(tail(&rotated(&path, 1), 3), "3");
        assert_eq!(tail(&rotated(&path, 2), 3), "2");
        assert!(!rotated(&path, 3).exists());
        fs::remove_dir_all(&folder).unwrap();
    }
}
