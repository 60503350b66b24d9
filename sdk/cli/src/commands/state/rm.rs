//! `state rm`: forget a resource; the real object stays.

use super::{known_state, named, open, settled};
use crate::{
    commands::ask::confirm,
    context::Context,
    error::Result,
    exit::Exit,
    project::Project,
    render::{Line, Tone, units::some_of},
};
use terrane_core::{Error, Record, Urn};

pub(super) async fn run(context: &Context, project: &Project, resource: &str, yes: bool) -> Result<Exit> {
    let state = known_state(project).await?;
    if let Some(urn) = open::create_of(&state, resource) {
        return open::absent(context, project, &urn, yes).await;
    }
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
            Some(live) if live.op == op => {
                let forgotten = Record::Forgotten { urn: urn.clone(), op: op.clone() };
                Ok([forgotten].into_iter().chain(without_edges_to(state, &urn)).collect())
            }
            _ => Err(Error::new(format!("{} was changed in the meantime", urn.label()))
                .help("look at it again with `state show`")),
        }
    };
    super::edit(context, project.session(), "state rm", edit).await?;
    context.terminal.say(format_args!("Forgot {}.\n", urn.label()));
    Ok(Exit::Done)
}

/// Nothing in state depends any more on what is forgotten.
fn without_edges_to<'a>(state: &'a terrane_core::State, urn: &'a Urn) -> impl Iterator<Item = Record> + 'a {
    let dependents = state.live.values().filter(|instance| instance.dependencies.contains(urn));
    dependents.map(move |instance| Record::Noted {
        urn: instance.urn.clone(),
        provider: instance.provider.clone(),
        dependencies: instance.dependencies.iter().filter(|on| *on != urn).cloned().collect(),
        kept: instance.kept.clone(),
        site: instance.site.clone(),
    })
}
