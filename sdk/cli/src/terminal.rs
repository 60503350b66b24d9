//! The terminal: data goes to stdout, everything else to stderr, each with the colours that it can show.

use crate::{
    error::{Error, Result},
    render,
};
use anstream::{AutoStream, ColorChoice};
use std::{
    fmt::Display,
    io::{self, BufRead, IsTerminal, Write},
};
use terminal_size::{Height, Width, terminal_size_of};

/// Where there is no terminal, lines are cut here.
const COLUMNS: usize = 120;
/// A terminal that is narrower is treated as this wide.
const COLUMNS_MIN: usize = 60;
const ROWS: usize = 24;

/// When there is colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where text goes, and who is there to answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    color: ColorChoice,
    interactive: bool,
}

impl Terminal {
    pub(crate) fn new(color: Color, non_interactive: bool) -> Self {
        let color = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        let interactive = !non_interactive && io::stdin().is_terminal() && io::stderr().is_terminal();
        Self { color, interactive }
    }

    /// Whether a question would be answered.
    pub(crate) fn is_interactive(self) -> bool {
        self.interactive
    }

    /// Whether lines on stderr can be rewritten.
    pub(crate) fn is_live(self) -> bool {
        self.interactive && io::stderr().is_terminal()
    }

    /// The columns of stdout.
    pub(crate) fn columns(self) -> usize {
        terminal_size_of(io::stdout()).map_or(COLUMNS, |(Width(columns), _)| usize::from(columns).max(COLUMNS_MIN))
    }

    /// The columns and rows of stderr.
    pub(crate) fn screen(self) -> (usize, usize) {
        let size = terminal_size_of(io::stderr());
        size.map_or((COLUMNS, ROWS), |(Width(columns), Height(rows))| {
            (usize::from(columns).max(COLUMNS_MIN), usize::from(rows).max(4))
        })
    }

    /// Writes data. A reader that has read enough is no failure.
    pub(crate) fn out(self, text: impl Display) -> Result<()> {
        let mut stream = AutoStream::new(io::stdout().lock(), self.color);
        match write!(stream, "{text}").and_then(|()| stream.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Error::failed(format!("could not write to standard output: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Writes a line of data.
    pub(crate) fn out_line(self, text: impl Display) -> Result<()> {
        self.out(format_args!("{text}\n"))
    }

    /// Tells a person something. Nobody is left to tell when that fails.
    pub(crate) fn say(self, text: impl Display) {
        let mut stream = AutoStream::new(io::stderr().lock(), self.color);
        let _ = write!(stream, "{text}");
    }

    /// A line as stderr can show it.
    pub(crate) fn painted(self, line: &render::Line) -> String {
        let mut stream = AutoStream::new(Vec::new(), self.stderr_color());
        // Writing to memory can't fail.
        let _ = write!(stream, "{line}");
        String::from_utf8_lossy(&stream.into_inner()).into_owned()
    }

    fn stderr_color(self) -> ColorChoice {
        AutoStream::new(io::stderr(), self.color).current_choice()
    }
}

/// Reads an answer from stdin; `None` when there is none. It has a thread of its own, so that waiting for it holds nothing up.
pub(crate) async fn read_answer() -> Option<String> {
    let (send, receive) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        // Nobody listens any more when the question was interrupted.
        let _ = send.send(matches!(read, Ok(1..)).then_some(line));
    });
    receive.await.ok().flatten()
}
