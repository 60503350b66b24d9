//! What `state import`, `state recover` and `stack rollback` share: a state is replaced as a whole, by one record.

use super::edit;
use crate::{
    commands::ask::{Consent, confirm},
    context::Context,
    error::{Error, Result},
    project::Project,
    render::{
        Line, Text, Tone,
        units::{count, some_of},
    },
};
use std::collections::{BTreeSet, HashMap};
use terrane_core::{OpId, Record, State, Urn};

/// So many names are told of each sort.
pub(super) const NAMES_MAX: usize = 5;

/// What the flags allow.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Flags {
    /// Replace a state that is not an earlier or later one of the same stack
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    pub(super) consent: Consent,
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

/// Says what would be different from the present state, asks, and replaces it.
pub(in crate::commands) async fn replace(
    context: &Context,
    project: &Project,
    command: &str,
    present: Option<State>,
    new: State,
    consent: Consent,
) -> Result<()> {
    if present.as_ref().is_some_and(State::is_cut_off) {
        return Err(Error::failed(
            "an earlier run on this stack was cut off, and what it left open would be forgotten",
        )
        .hint("`up` or `refresh` finds out first how it ended"));
    }
    refuse_claimed(context, project, &new).await?;
    if let Some(present) = &present {
        context.terminal.say(differences(present, &new));
    }
    let number = count(new.live.len(), "resource");
    context.terminal.say("  Only the state is replaced: no real object is touched until the next `up`.\n");
    let question = format!("Make this the state of {} / {} ({number})?", project.name, project.stack);
    confirm(context, &question, consent).await?;
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
    Ok(())
}

/// Refuses a state with objects that another stack has by now, as after a move: each of the two would change and delete them.
async fn refuse_claimed(context: &Context, project: &Project, new: &State) -> Result<()> {
    let urns: HashMap<&OpId, &Urn> = new.instances().map(|it| (&it.op, &it.urn)).collect();
    for stack in project.stacks().await?.iter().filter(|stack| **stack != project.stack) {
        let other = match project.store.read(&project.name, stack).await {
            Ok(other) => other.unwrap_or_default(),
            Err(error) => {
                context.warn(format_args!("whether stack `{stack}` has some of these objects is not known: {error}"));
                continue;
            }
        };
        let claimed: BTreeSet<&Urn> = other.instances().filter_map(|it| urns.get(&it.op).copied()).collect();
        if !claimed.is_empty() {
            let names = some_of(&claimed.into_iter().map(Urn::label).collect::<Vec<_>>(), NAMES_MAX);
            return Err(Error::refused(format!(
                "stack `{stack}` has {names} by now, and two stacks can't have one object"
            ))
            .hint(format!("`state mv RESOURCE NAME --to-stack {} --stack {stack}` brings one back", project.stack))
            .hint(format!("`state rm RESOURCE --stack {stack}` lets that stack forget one")));
        }
    }
    Ok(())
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
