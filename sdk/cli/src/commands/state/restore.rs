//! What `state import`, `state recover` and `stack rollback` share: a state is replaced as a whole, by one record.

use super::edit;
use crate::{
    commands::ask::confirm,
    context::Context,
    error::{Error, Result},
    exit::Exit,
    project::Project,
    render::{
        Line, Text, Tone,
        units::{count, some_of},
    },
};
use std::collections::BTreeSet;
use terrane_core::{Record, State, Urn};

/// So many names are told of each sort.
const NAMES_MAX: usize = 5;

/// What the flags allow.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flags {
    pub(super) replace: bool,
    pub(super) yes: bool,
}

/// Refuses a state that a run would trip over, or that belongs to another stack than the one that is there.
pub(super) fn check(project: &Project, place: &str, new: &State, present: Option<&State>, flags: Flags) -> Result<()> {
    let damage = new.damage(&project.name, &project.stack);
    if let Some(worst) = damage.iter().find(|damage| !damage.is_mendable()) {
        let error = Error::failed(format!("{place} holds a state that does not add up: {worst}"));
        let others = damage.iter().filter(|other| *other != worst).take(NAMES_MAX);
        return Err(others.fold(error, |error, other| error.detail(other.to_string())).hint("nothing was changed"));
    }
    let Some(present) = present.filter(|state| state.instances().next().is_some() || !state.pending.is_empty()) else {
        return Ok(());
    };
    if present.is_cut_off() {
        return Err(Error::failed(
            "an earlier run on this stack was cut off, and what it left open would be forgotten",
        )
        .hint("`up` or `refresh` finds out first how it ended"));
    }
    if present.lineage != new.lineage && !flags.replace {
        let (is, has) = (new.lineage.as_str(), present.lineage.as_str());
        return Err(Error::refused(format!(
            "stack `{}` has resources, and {place} is not a state of its own",
            project.stack
        ))
        .detail(format!("lineage of the file:  {is}"))
        .detail(format!("lineage of the stack: {has}"))
        .hint(
            "--replace puts it in their place all the same; their real objects stay, and nobody knows of them any more",
        )
        .hint("`stack init NAME` makes an empty stack to import into"));
    }
    Ok(())
}

/// Says what would be different, asks, and replaces the state.
pub(in crate::commands) async fn replace(
    context: &Context,
    project: &Project,
    command: &str,
    new: State,
    yes: bool,
) -> Result<Exit> {
    let present = project.session().state().await?;
    if let Some(present) = &present {
        context.terminal.say(differences(present, &new));
    }
    let number = count(new.live.len(), "resource");
    context.terminal.say("  Only the state is replaced: no real object is touched until the next `up`.\n");
    if !confirm(context, &format!("Make this the state of {} / {} ({number})?", project.name, project.stack), yes)
        .await?
    {
        context.terminal.say("Nothing was changed.\n");
        return Ok(Exit::Failed);
    }
    project.claim()?;
    let seq = present.map_or(0, |state| state.seq);
    let restored = |state: &State| {
        if state.seq != seq {
            return Err(terrane_core::Error::new("somebody changed the stack in the meantime")
                .help("run the same command again, and look at what it shows"));
        }
        Ok(vec![Record::Restored { state: Box::new(new) }])
    };
    edit(context, project.session(), command, restored).await?;
    context.terminal.say(format_args!("Stack `{}` has {number} in state now.\n", project.stack));
    Ok(Exit::Done)
}

/// What the state knows now and would not know any more, what it would know again, and what it would know otherwise.
fn differences(present: &State, new: &State) -> Text {
    let mut text = Text::new();
    let mut row = |tone, symbol: &str, labels: Vec<String>, means: &str| {
        if !labels.is_empty() {
            let line = Line::plain("  ").with(tone, symbol).add(" ").with(Tone::Strong, some_of(&labels, NAMES_MAX));
            text.line(line.add(format!(": {means}")));
        }
    };
    let names = |urns: BTreeSet<&Urn>| urns.into_iter().map(Urn::label).collect::<Vec<_>>();
    let ops = |state: &State| state.instances().map(|it| it.op.clone()).collect::<BTreeSet<_>>();
    let (before, after) = (ops(present), ops(new));
    let lost = present.instances().filter(|it| !after.contains(&it.op)).map(|it| &it.urn).collect();
    let back = new.instances().filter(|it| !before.contains(&it.op)).map(|it| &it.urn).collect();
    let changed = |urn: &&Urn| match (present.live.get(*urn), new.live.get(*urn)) {
        (Some(now), Some(then)) => now.op == then.op && now.inputs != then.inputs,
        _ => false,
    };
    let otherwise = new.live.keys().filter(changed).collect();
    row(
        Tone::Removed,
        "-",
        names(lost),
        "will not be in state any more; their real objects stay, and nobody knows of them",
    );
    row(Tone::Added, "+", names(back), "will be in state; whether their real objects still exist shows with `refresh`");
    row(Tone::Changed, "~", names(otherwise), "will have other inputs in state than their real objects have");
    text
}
