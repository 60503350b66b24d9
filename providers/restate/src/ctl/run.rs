//! One run of the program: bounded in time and output, killed when its caller goes away.

use std::process::Stdio;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::{Error, Restatectl};

/// The most that is read of each of its outputs.
const OUTPUT_BYTES_MAX: u64 = 16 << 20;

/// How much of what it complains of is kept.
const COMPLAINT_LINES_MAX: usize = 3;
const COMPLAINT_LINE_CHARS_MAX: usize = 240;

/// What a run with exit code 0 printed.
#[derive(Debug)]
pub(super) struct Printed {
    /// The call, as one would type it.
    pub(super) command: String,
    /// What one pipes.
    pub(super) stdout: String,
    /// Everything else.
    pub(super) stderr: String,
}

impl Printed {
    /// What it complained of, in one line.
    pub(super) fn complaint(&self) -> String {
        complaint(&self.stdout, &self.stderr)
    }
}

impl Restatectl {
    pub(super) async fn run(&self, arguments: &[&str]) -> Result<Printed, Error> {
        let command = format!("restatectl -s {} {}", self.address, arguments.join(" "));
        match tokio::time::timeout(self.time_limit.as_duration(), self.run_unbounded(&command, arguments)).await {
            Ok(result) => result,
            Err(_) => Err(Error::Timeout { command, after: self.time_limit }),
        }
    }

    async fn run_unbounded(&self, command: &str, arguments: &[&str]) -> Result<Printed, Error> {
        let read_error = |source| Error::Read { command: command.to_owned(), source };
        let mut command_line = Command::new(&self.binary);
        terrane::without_secrets(command_line.as_std_mut());
        let mut child = command_line
            .args(["-s", &self.address])
            .args(arguments)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| Error::Start { binary: self.binary.clone(), source })?;
        let (stdout, stderr) =
            tokio::try_join!(read(child.stdout.take()), read(child.stderr.take())).map_err(read_error)?;
        if stdout.len().max(stderr.len()) as u64 > OUTPUT_BYTES_MAX {
            return Err(Error::TooMuch { command: command.to_owned(), limit: OUTPUT_BYTES_MAX });
        }
        let status = child.wait().await.map_err(read_error)?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let (command, stdout, stderr) = (command.to_owned(), text(stdout), text(stderr));
        if status.success() { Ok(Printed { command, stdout, stderr }) } else { Err(failed(command, &stdout, &stderr)) }
    }
}

/// All that a stream has, or one byte more than it may.
async fn read(stream: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(OUTPUT_BYTES_MAX + 1).read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

/// The error of a run with another exit code than 0.
pub(super) fn failed(command: String, stdout: &str, stderr: &str) -> Error {
    let message = complaint(stdout, stderr);
    if message.contains("Safety-check failed") || message.contains("not safe to change") {
        return Error::Unsafe { command, message };
    }
    Error::Failed { command, message }
}

/// The first lines of what it said; chains of causes below them repeat the same in ever more words.
fn complaint(stdout: &str, stderr: &str) -> String {
    let spoken = if stderr.trim().is_empty() { stdout } else { stderr };
    let lines = spoken.lines().map(|line| line.trim().trim_start_matches(['├', '└', '─', ' ']));
    let lines: Vec<String> = lines
        .filter(|line| !line.is_empty() && *line != "Caused by:")
        .take(COMPLAINT_LINES_MAX)
        .map(|line| line.chars().take(COMPLAINT_LINE_CHARS_MAX).collect())
        .collect();
    if lines.is_empty() { "it said nothing".to_owned() } else { lines.join("; ") }
}

#[cfg(all(test, unix))]
mod tests {
    //! Every call starts with `-s ADDRESS`, which `cat` takes for an option and a file: enough to be a restatectl that
    //! misbehaves.

    use crate::ctl::{Error, Restatectl};
    use crate::replication::Replication;
    use crate::settings::Interval;

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let error = Restatectl::new("/nonexistent/restatectl", "http://x").config_get().await.unwrap_err();
        assert!(matches!(error, Error::Start { .. }), "{error}");
        assert!(error.to_string().starts_with("`/nonexistent/restatectl` can't be started"), "{error}");
    }

    #[tokio::test]
    async fn an_exit_code_of_0_without_the_words_of_success_is_a_failure() {
        let error = Restatectl::new("true", "http://x").provision(Replication::nodes(2), Some(6)).await.unwrap_err();
        let command = "restatectl -s http://x provision --yes --log-provider replicated --log-replication {node: 2} \
                       --partition-replication {node: 2} --num-partitions 6";
        assert_eq!(error.to_string(), format!("{command} failed: it said nothing"));
    }

    #[tokio::test]
    async fn what_a_failed_program_said_is_kept() {
        let error = Restatectl::new("cat", "/nonexistent/file").config_get().await.unwrap_err();
        assert!(matches!(&error, Error::Failed { message, .. } if message.contains("/nonexistent/file")), "{error}");
    }

    #[tokio::test]
    async fn output_without_end_is_cut_off_and_so_is_time() {
        let endless = Restatectl::new("cat", "/dev/zero");
        let error = endless.config_get().await.unwrap_err();
        assert!(matches!(error, Error::TooMuch { .. }), "{error}");
        let error = endless.time_limit(Interval::from_millis(0)).config_get().await.unwrap_err();
        assert!(matches!(error, Error::Timeout { .. }), "{error}");
    }
}
