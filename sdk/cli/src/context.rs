//! What every command has at hand: the program, the flags, the terminal and the signals.

use crate::{
    App,
    arguments::Globals,
    error::{Error, Result},
    json::Stream,
    progress::{Progress, Style},
    project::Project,
    render::View,
    signals::Signals,
    terminal::Terminal,
};
use std::future::Future;

/// One call of the program.
pub(crate) struct Context {
    pub(crate) app: App,
    pub(crate) globals: Globals,
    pub(crate) terminal: Terminal,
    pub(crate) signals: Signals,
    /// The JSON lines on stdout.
    pub(crate) stream: Stream,
}

impl Context {
    pub(crate) fn new(app: App, globals: Globals) -> Self {
        // Whoever reads JSON can't see the plan that a question would be about.
        let terminal = Terminal::new(globals.color, globals.non_interactive || globals.json);
        Self { app, terminal, signals: Signals::listen(), stream: Stream::new(terminal), globals }
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

    /// Waits for work that holds nothing: the first signal ends it.
    pub(crate) async fn or_interrupted<T, E: Into<Error>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T> {
        tokio::select! {
            result = work => result.map_err(Into::into),
            () = self.signals.above(0) => Err(Error::interrupted()),
        }
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
