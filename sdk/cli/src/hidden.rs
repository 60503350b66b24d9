//! Secrets from a person or a pipe: what is typed isn't shown, and nothing is ever an argument, which every process on the machine can read.

use crate::{
    context::Context,
    error::{Error, Result},
    render::{Line, Tone},
    terminal,
};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{self, Read};
use terrane_core::Secret;

/// No secret is longer.
const BYTES_MAX: u64 = 1 << 20;

/// Asks at the terminal; without one, all of standard input is the answer, less the newline at its end.
pub(crate) async fn read(context: &Context, question: &str) -> Result<Secret<String>> {
    let text = if context.terminal.is_interactive() { ask(context, question).await? } else { Secret::new(piped()?) };
    if text.expose().is_empty() {
        return Err(Error::usage("the secret is empty").hint("type it when asked, or pipe it in: `… < file`"));
    }
    Ok(text)
}

/// Asks at the terminal only.
pub(crate) async fn ask(context: &Context, question: &str) -> Result<Secret<String>> {
    if !context.terminal.is_interactive() {
        return Err(Error::usage(format!("`{question}` needs an answer, and nobody is there to give it")));
    }
    context.terminal.say(Line::plain("  ").with(Tone::Strong, question).add(" (not shown) "));
    let quiet = Quiet::begin()?;
    let answer = tokio::select! {
        answer = terminal::read_answer() => answer,
        () = context.signals.above(0) => None,
    };
    drop(quiet);
    context.terminal.say("\n");
    match answer {
        Some(line) => Ok(Secret::new(without_newline(line))),
        None => Err(Error::interrupted()),
    }
}

fn piped() -> Result<String> {
    let mut text = String::new();
    let read = io::stdin().lock().take(BYTES_MAX + 1).read_to_string(&mut text);
    match read {
        Ok(bytes) if bytes as u64 > BYTES_MAX => Err(Error::usage("the secret is longer than 1 MiB")),
        Ok(_) => Ok(without_newline(text)),
        Err(error) => Err(Error::usage(format!("could not read the secret from standard input: {error}"))),
    }
}

fn without_newline(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

/// While it lives, the terminal doesn't show what is typed.
struct Quiet(Termios);

impl Quiet {
    fn begin() -> Result<Self> {
        let refused = |error: rustix::io::Errno| Error::failed(format!("could not hide what is typed: {error}"));
        let before = tcgetattr(io::stdin()).map_err(refused)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet).map_err(refused)?;
        Ok(Self(before))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // Nothing is left to do when the terminal has gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}
