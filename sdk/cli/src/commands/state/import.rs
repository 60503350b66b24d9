//! `state import`: puts an exported state into the stack.

use super::restore::{self, Flags};
use crate::{
    context::Context,
    error::{Error, Result},
    exit::Exit,
    project::Project,
    render::{Line, Tone},
};
use std::{fs, path::Path};
use terrane_state::{Export, export::BYTES_MAX};

pub(super) async fn run(context: &Context, project: &Project, path: &Path, flags: Flags) -> Result<Exit> {
    let export = Export::parse(&read(path)?, &path.display().to_string())?;
    let (from_project, from_stack) = (export.project.clone(), export.stack.clone());
    let mut state = project.store.open_export(export).await?;
    // A move that the file remembers goes on where it was begun, not here.
    state.moves.clear();
    if (&from_project, &from_stack) != (&project.name, &project.stack) {
        state.map_urns(&|urn| Some(urn.in_stack(&project.stack, &project.name)));
        let line = format!(
            "the file is of {from_project} / {from_stack}: as long as that stack keeps its state, both claim the same real objects"
        );
        let line = Line::new().with(Tone::Warning, "warning: ").add(line);
        context.terminal.say(format_args!("{line}\n"));
    }
    let present = project.session().state().await?;
    restore::check(project, &path.display().to_string(), &state, present.as_ref(), flags)?;
    restore::replace(context, project, "state import", state, flags.yes).await
}

/// A file of a bearable size.
pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    let size = fs::metadata(path).map_err(|error| Error::file("read", path, &error))?.len();
    if size > BYTES_MAX {
        return Err(Error::usage(format!("{} is too large for a state", path.display())));
    }
    fs::read(path).map_err(|error| Error::file("read", path, &error))
}
