//! What every command has at hand: the program, the flags, the terminal and the signals.

use crate::{
    App,
    arguments::Globals,
    error::{Error, Result},
    json::Stream,
    progress::{Progress, Style},
    project::Project,
    render::{Line, Tone, View},
    signals::Signals,
    terminal::Terminal,
};
use std::{
    fmt::Display,
    sync::atomic::{AtomicBool, Ordering},
};
use terrane_engine::{Events, What};

/// One call of the program.
pub(crate) struct Context {
    pub(crate) app: App,
    pub(crate) globals: Globals,
    pub(crate) terminal: Terminal,
    pub(crate) signals: Signals,
    /// The JSON lines on stdout.
    pub(crate) stream: Stream,
    /// Whether work that writes has begun.
    has_written: AtomicBool,
}

impl Context {
    pub(crate) fn new(app: App, globals: Globals) -> Self {
        // Whoever reads JSON can't see the plan that a question would be about.
        let terminal = Terminal::new(globals.color, globals.non_interactive || globals.json);
        let (signals, stream, has_written) = (Signals::listen(), Stream::new(terminal), AtomicBool::new(false));
        Self { app, globals, terminal, signals, stream, has_written }
    }

    /// Finds the configuration, the stack and the state.
    pub(crate) fn project(&self) -> Result<Project> {
        Project::open(&self.app, &self.globals)
    }

    /// How plans are shown.
    pub(crate) fn view(&self, diff: bool) -> View {
        View { columns: self.terminal.columns(), diff, unchanged: self.globals.verbose }
    }

    /// Shows what happens from here on.
    pub(crate) fn progress(&self) -> Progress {
        let style = match (self.globals.json, self.terminal.is_live()) {
            (true, _) => Style::Json(self.stream.clone()),
            (false, true) => Style::Live,
            (false, false) => Style::Lines,
        };
        Progress::start(style, self.terminal, self.globals.verbose)
    }

    /// Does work that holds nothing, and shows what it tells: the first signal ends it.
    pub(crate) async fn looking<T, E: Into<Error>>(
        &self,
        work: impl AsyncFnOnce(&Events) -> Result<T, E>,
    ) -> Result<T> {
        let progress = self.progress();
        tokio::select! {
            result = work(progress.events()) => result.map_err(Into::into),
            () = self.signals.above(0) => Err(self.interrupted()),
        }
    }

    /// Does work that writes, and shows what it tells. The first signal lets it come to its end and give back what it holds; the second one
    /// leaves the rest to the next command.
    pub(crate) async fn writing<T, E: Into<Error>>(
        &self,
        work: impl AsyncFnOnce(&Events) -> Result<T, E>,
    ) -> Result<T> {
        if self.signals.are_above(0) {
            return Err(self.interrupted());
        }
        self.begin_to_write();
        let progress = self.progress();
        let events = progress.events();
        let mut work = std::pin::pin!(work(events));
        for level in 0..2 {
            tokio::select! {
                result = &mut work => return result.map_err(Into::into),
                () = self.signals.above(level) => events.tell(What::Draining { running: 1 }),
            }
        }
        Err(self.interrupted())
    }

    /// From here on something may have been changed.
    pub(crate) fn begin_to_write(&self) {
        self.has_written.store(true, Ordering::Relaxed);
    }

    /// A signal has ended the command.
    pub(crate) fn interrupted(&self) -> Error {
        if self.has_written.load(Ordering::Relaxed) { Error::cut_off() } else { Error::interrupted() }
    }

    /// Tells a person something that should make them think.
    pub(crate) fn warn(&self, words: impl Display) {
        let line = Line::new().with(Tone::Warning, "warning: ").add(words.to_string());
        self.terminal.say(format_args!("{line}\n"));
    }

    /// Shows an error.
    pub(crate) fn fail(&self, error: &Error) {
        self.terminal.say(error.text());
        if self.globals.json {
            // The status and stderr tell it too.
            let _ = self.stream.error(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::{future::pending, sync::Arc};
    use tokio::sync::{oneshot, watch};

    fn context() -> (Context, watch::Sender<u8>) {
        let app = App {
            project: "shop".to_owned(),
            program: Arc::new(|_| Ok(())),
            providers: Vec::new(),
            manifest_dir: String::new(),
            version: String::new(),
        };
        let (sender, receiver) = watch::channel(0);
        let line = crate::arguments::Line::parse_from(["shop", "about"]);
        (Context { signals: Signals::counted_by(receiver), ..Context::new(app, line.globals) }, sender)
    }

    #[tokio::test]
    async fn the_first_signal_lets_what_writes_end_and_the_second_leaves_the_rest() {
        let (context, signals) = context();
        let looked = async {
            signals.send_replace(1);
            context.looking(async |_| pending::<Result<()>>().await).await
        };
        assert_eq!(looked.await.unwrap_err().message, "interrupted; nothing was changed");
        let begun = context.writing(async |_| Ok::<_, Error>(())).await;
        assert_eq!(begun.unwrap_err().message, "interrupted; nothing was changed", "it is not even begun");

        signals.send_replace(0);
        let (end, ended) = oneshot::channel();
        let written = context.writing(async |_| {
            signals.send_replace(1);
            ended.await.map_err(|_| Error::failed("dropped"))
        });
        let (written, ()) = tokio::join!(written, async {
            tokio::task::yield_now().await;
            end.send("whole").unwrap();
        });
        assert_eq!(written.unwrap(), "whole");

        let left = "interrupted; what was begun is finished by the next command";
        let asked = context.looking(async |_| pending::<Result<()>>().await).await;
        assert_eq!(asked.unwrap_err().message, left);
        signals.send_replace(0);
        let cut = context.writing(async |_| {
            signals.send_replace(2);
            pending::<Result<()>>().await
        });
        assert_eq!(cut.await.unwrap_err().message, left);
    }
}
