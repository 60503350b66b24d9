//! `state rm`: forget a resource; the real object stays.

use super::{known_state, named, settled};
use crate::{
    commands::ask::confirm,
    context::Context,
    error::Result,
    exit::Exit,
    project::Project,
    render::{Line, Tone, units::some_of},
};
use terrane_core::{Error, Record};

pub(super) async fn run(context: &Context, project: &Project, resource: &str, yes: bool) -> Result<Exit> {
    let state = known_state(project).await?;
    let (urn, op) = {
        let instance = named(&state, resource)?;
        (instance.urn.clone(), instance.op.clone())
    };
    if let Some(dependents) = state.dependents().get(&urn) {
        let labels: Vec<String> = dependents.iter().map(|urn| urn.label()).collect();
        let line = Line::new().with(Tone::Warning, "warning: ").add(format!("needed by {}", some_of(&labels, 5)));
        context.terminal.say(format_args!("{line}\n"));
    }
    if !confirm(context, &format!("Forget {}? The real object stays.", urn.label()), yes).await? {
        context.terminal.say("Nothing was changed.\n");
        return Ok(Exit::Failed);
    }
    let edit = |state: &terrane_core::State| {
        settled(state, &urn)?;
        // Between the question and the lock somebody may have replaced it.
        match state.live.get(&urn) {
            Some(live) if live.op == op => Ok(vec![Record::Forgotten { urn: urn.clone(), op: op.clone() }]),
            _ => Err(Error::new(format!("{} was changed in the meantime", urn.label()))
                .help("look at it again with `state show`")),
        }
    };
    project.session().edit_state("state rm", edit).await?;
    context.terminal.say(format_args!("Forgot {}.\n", urn.label()));
    Ok(Exit::Done)
}
