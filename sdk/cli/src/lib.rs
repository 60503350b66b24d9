//! The command line inside every Terrane program.
//!
//! [`main`] reads the arguments, finds configuration, stack and state, and runs one command on the engine. Data goes to standard output,
//! everything else to standard error; [`Exit`] says what the exit status means.

mod arguments;
mod commands;
mod context;
mod environment;
mod error;
mod exit;
mod hidden;
mod json;
mod nearest;
mod panics;
mod progress;
mod project;
mod render;
mod signals;
mod terminal;

pub use environment::{Variable, environment, without_secrets};
pub use exit::Exit;
pub use json::schema;

use commands::{Ending, provider};
use context::Context;
use std::{ffi::OsString, process::ExitCode, sync::Arc};
use terrane_core::{Program, ProviderSpec};

/// A user's program, as the command line needs it.
pub struct App {
    /// The project's name: state is kept under it.
    pub project: String,
    /// The program.
    pub program: Arc<Program>,
    /// Providers that state may have resources of although the program doesn't name them any more.
    pub providers: Vec<&'static ProviderSpec>,
    /// The folder of the user's crate.
    pub manifest_dir: String,
    /// The version of Terrane.
    pub version: String,
}

/// Worker threads: the engine waits more than it computes.
const THREADS: usize = 2;

/// Runs the command that the process was started with.
pub fn main(app: App) -> ExitCode {
    panics::tell_briefly();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            anstream::eprintln!("error: could not start: {error}");
            return Exit::Failed.into();
        }
    };
    let ending = runtime.block_on(run(app, std::env::args_os().collect()));
    // A provider's command may have a runtime of its own, which must not start inside of this one.
    runtime.shutdown_background();
    match ending {
        Ending::Exit(exit) => exit.into(),
        Ending::Call(call) => provider::call(&call),
    }
}

async fn run(app: App, mut words: Vec<OsString>) -> Ending {
    if words.len() == 1 {
        words.push("help".into());
    }
    let mut grammar = arguments::grammar(&app.project, &app.version);
    if commands::help::is_asked_for(&words) {
        grammar = grammar.after_help(commands::help::ending(&app).await);
    }
    let line = match arguments::read(&grammar, &words) {
        Ok(line) => line,
        Err(error) => {
            // Help and version are no mistakes, and go to stdout; when nobody reads them, that is no failure either.
            let _ = error.print();
            return Ending::Exit(if error.use_stderr() { Exit::Usage } else { Exit::Done });
        }
    };
    let context = Context::new(app, line.globals);
    hidden::ask_for_passphrases(&context);
    match commands::run(&context, line.command).await {
        Ok(ending) => ending,
        Err(error) => {
            context.fail(&error);
            Ending::Exit(error.exit)
        }
    }
}
