//! `state export`: the whole state as a file that `state import` reads. Nothing is lost, and secrets stay encrypted.

use crate::{
    commands::{saved::write_private, state::known_state},
    context::Context,
    error::{Error, Result},
    project::Project,
    render::units::count,
};
use std::path::PathBuf;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file; standard output without it
    file: Option<PathBuf>,
    /// A restore point of `stack history` instead of the present
    #[arg(long, value_name = "NUMBER")]
    at: Option<u64>,
}

pub(super) async fn run(context: &Context, project: &Project, Args { file, at }: &Args) -> Result<()> {
    let (name, stack) = (&project.name, &project.stack);
    let state = match at {
        Some(seq) => project.store.read_at(name, stack, *seq).await?,
        None => known_state(project).await?,
    };
    let resources = count(state.live.len(), "resource");
    let export = project.store.seal_export(name, stack, state).await?;
    let text = if context.globals.json { serde_json::to_vec(&export) } else { serde_json::to_vec_pretty(&export) };
    let text = text.map_err(|error| Error::failed(format!("could not write the state as JSON: {error}")))?;
    match file {
        Some(path) => {
            write_private(path, &text)?;
            let line = format!(
                "Exported {resources} of stack `{stack}` to {}; secrets in it are encrypted.\n",
                path.display()
            );
            context.terminal.say(line);
            Ok(())
        }
        None => context.terminal.out_line(String::from_utf8_lossy(&text)),
    }
}
