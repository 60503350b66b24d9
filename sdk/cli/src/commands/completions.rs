//! `completions`: a script for a shell.

use crate::{arguments, context::Context, error::Result, exit::Exit};
use clap_complete::Shell;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Exit> {
    let mut grammar = arguments::grammar(&context.app.project, &context.app.version);
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut grammar, called(&context.app.project), &mut script);
    context.terminal.out(String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}

/// What the program is called on the command line: the name of its file.
fn called(project: &str) -> String {
    let path = std::env::args_os().next().map(std::path::PathBuf::from);
    let name = path.as_ref().and_then(|path| path.file_stem()).and_then(|name| name.to_str());
    name.unwrap_or(project).to_owned()
}
