//! Questions. No lock is held while somebody thinks.

use crate::{
    context::Context,
    error::{Error, Result},
    render::{Line, Tone},
    terminal,
};

/// Whether a question is answered beforehand.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Consent {
    /// Don't ask
    #[arg(long, short, env = "TERRANE_YES", hide_env = true)]
    pub(crate) yes: bool,
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    Details,
}

/// Asks on stderr; without anybody there, says which flag answers.
pub(super) async fn ask(context: &Context, question: &str, details: bool) -> Result<Answer> {
    if !context.terminal.is_interactive() {
        return Err(Error::usage(format!("`{question}` needs an answer, and nobody is there to give it"))
            .hint("pass --yes (or set TERRANE_YES=1) to go ahead without being asked"));
    }
    let choices = if details { "[y/N/d(etails)]" } else { "[y/N]" };
    let line = Line::plain("  ").with(Tone::Strong, question).add(format!(" {choices} "));
    context.terminal.say(line);
    let answer = tokio::select! {
        answer = terminal::read_answer() => answer,
        () = context.signals.above(0) => {
            context.terminal.say("\n");
            return Err(context.interrupted());
        }
    };
    Ok(match answer.unwrap_or_default().trim().to_lowercase().as_str() {
        "y" | "yes" => Answer::Yes,
        "d" | "details" if details => Answer::Details,
        _ => Answer::No,
    })
}

/// Asks for a plain yes, unless it was given already; anything else ends the command.
pub(super) async fn confirm(context: &Context, question: &str, consent: Consent) -> Result<()> {
    if consent.yes || ask(context, question, false).await? == Answer::Yes { Ok(()) } else { Err(Error::declined()) }
}
