//! Secrets from a person or a pipe: what is typed isn't shown, and nothing is ever an argument, which every process on the machine can read.

use crate::{
    context::Context,
    error::{Error, Result},
    render::{Line, Tone},
    signals::Signals,
    terminal::{self, Terminal},
};
use rustix::{
    io::ioctl_fionread,
    termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr},
};
use std::{
    io::{self, IsTerminal, Read},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use terrane_core::Secret;
use terrane_state::secrets::{Attempt, Passphrase, ask_with};

/// No secret is longer.
const BYTES_MAX: u64 = 1 << 20;
/// What is pasted comes in pieces, the last so long after the first.
const PASTED_WITHIN: Duration = Duration::from_millis(50);

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
    answer(context.terminal, &context.signals, question).await?.ok_or_else(|| context.interrupted())
}

/// From here on a passphrase that opens a state, and that the environment doesn't give, is asked for when somebody is at the terminal.
pub(crate) fn ask_for_passphrases(context: &Context) {
    if !context.terminal.is_interactive() {
        return;
    }
    let (terminal, signals) = (context.terminal, context.signals.clone());
    ask_with(move |attempt| {
        let signals = signals.clone();
        Box::pin(async move {
            let question = match attempt {
                Attempt::First => "Passphrase of the stack's secrets:",
                Attempt::Again => "That is not it; once more:",
            };
            let text = answer(terminal, &signals, question).await.ok().flatten()?;
            Passphrase::new(text.expose().as_str()).ok()
        })
    });
}

/// An answer that is not shown; none when a signal comes instead.
async fn answer(terminal: Terminal, signals: &Signals, question: &str) -> Result<Option<Secret<String>>> {
    // Quiet first: what is typed as soon as the question is seen counts.
    let quiet = Quiet::begin(terminal)?;
    terminal.say(Line::plain("  ").with(Tone::Strong, question).add(" (not shown) "));
    let line = tokio::select! {
        line = terminal::read_answer() => line,
        () = signals.above(0) => None,
    };
    if line.is_some() && quiet.has_more().await {
        return Err(Error::usage(
            "that was more than one line, and only the first would have been taken; nothing was changed",
        )
        .hint("pipe a secret of several lines in: `… < file`"));
    }
    Ok(line.map(|line| Secret::new(without_newline(line))))
}

/// Whether a question stands at the terminal, which nothing may be drawn over.
pub(crate) fn is_asking() -> bool {
    ASKING.load(Ordering::Relaxed)
}

static ASKING: AtomicBool = AtomicBool::new(false);

fn piped() -> Result<String> {
    if io::stdin().is_terminal() {
        return Err(Error::usage("what is typed here would be shown").hint("pipe the secret in: `… < file`"));
    }
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
struct Quiet {
    before: Termios,
    terminal: Terminal,
}

impl Quiet {
    fn begin(terminal: Terminal) -> Result<Self> {
        let refused = |error: rustix::io::Errno| Error::failed(format!("could not hide what is typed: {error}"));
        let before = tcgetattr(io::stdin()).map_err(refused)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet).map_err(refused)?;
        ASKING.store(true, Ordering::Relaxed);
        Ok(Self { before, terminal })
    }

    /// Whether more was pasted than a line, its end or not.
    async fn has_more(&self) -> bool {
        tokio::time::sleep(PASTED_WITHIN).await;
        // What is behind the last newline counts only where lines don't.
        let mut raw = self.before.clone();
        raw.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON);
        let counted = tcsetattr(io::stdin(), OptionalActions::Now, &raw).and_then(|()| ioctl_fionread(io::stdin()));
        counted.is_ok_and(|bytes| bytes > 0)
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // Nothing is left to do when the terminal has gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
        // The newline that ends an answer wasn't shown either.
        self.terminal.say("\n");
        ASKING.store(false, Ordering::Relaxed);
    }
}
