//! A program as a command line tool.

use crate::{Provider, ProviderSpec, Result, Stack};
use std::{env, process::ExitCode, sync::Arc};

/// A program with its name, ready to run as a command line tool.
///
/// [`main`](crate::main) suffices for most programs; an `App` can also name providers that state may still have resources of.
pub struct App {
    name: String,
    program: Arc<terrane_core::Program>,
    providers: Vec<&'static ProviderSpec>,
}

impl App {
    /// A program under the name that its state is kept under.
    pub fn new(name: &str, program: impl Fn(&Stack) -> Result<()> + Send + Sync + 'static) -> Self {
        Self { name: name.to_owned(), program: Arc::new(program), providers: Vec::new() }
    }

    /// Names a provider that the program itself may no longer use, so that what it made before can still be deleted.
    #[must_use]
    pub fn provider<P: Provider>(mut self) -> Self {
        self.providers.push(ProviderSpec::of::<P>());
        self
    }

    /// Parses the command line and does what it says; the exit codes are listed in the documentation of the command line.
    pub fn main(self) -> ExitCode {
        terrane_cli::main(terrane_cli::App {
            project: self.name,
            program: self.program,
            providers: self.providers,
            manifest_dir: env::var("CARGO_MANIFEST_DIR").unwrap_or_default(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }
}

/// Runs a program as a command line tool: `fn main() -> ExitCode { terrane::main("shop", program) }`.
pub fn main(name: &str, program: impl Fn(&Stack) -> Result<()> + Send + Sync + 'static) -> ExitCode {
    App::new(name, program).main()
}
