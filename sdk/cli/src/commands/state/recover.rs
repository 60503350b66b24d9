//! `state recover`: takes the state over from a copy, when the place that kept it is lost.

use super::restore::{self, Flags};
use crate::{
    context::Context,
    error::{Error, Result},
    json::now_ms,
    project::Project,
    render::{
        Line, Text, Tone,
        units::{count, duration, moment, some_of},
    },
};
use std::collections::HashSet;
use terrane_core::{
    OpId, State, Urn,
    state::{Instance, Move},
};
use terrane_state::Store;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where the copy is, such as s3://replica or file:///backup
    #[arg(long, value_name = "URL")]
    from: String,
    #[command(flatten)]
    flags: Flags,
}

pub(super) async fn run(context: &Context, project: &Project, Args { from, flags }: &Args) -> Result<()> {
    if *from == project.state {
        return Err(Error::usage("the copy is the very place that keeps the state now")
            .hint("--state (or TERRANE_STATE) names the new place, --from the copy"));
    }
    let copy = terrane_state::open(from)?;
    let Some(mut state) = copy.read(&project.name, &project.stack).await? else {
        let stacks = copy.stacks(&project.name).await?;
        let message = format!("there is no stack `{}` of {} in {from}", project.stack, project.name);
        return Err(Error::usage(message).nearest(&project.stack, &stacks));
    };
    if let Some(to) = state.renamed_to() {
        return Err(Error::usage(format!("in {from}, stack `{}` is called `{to}`", project.stack))
            .hint(format!("`--stack {to}` recovers it")));
    }
    let moves = end_moves(copy.as_ref(), project, &mut state).await?;
    let present = project.session().state().await?;
    restore::check(project, from, &state, present.as_ref(), *flags)?;
    context.terminal.say(lacks(&state, moves));
    restore::replace(context, project, "state recover", present, state, flags.consent).await
}

/// Ends the moves that were under way: what another stack of the copy has adopted is its own, all else stays. Says so.
async fn end_moves(copy: &dyn Store, project: &Project, state: &mut State) -> Result<Vec<String>> {
    let mut told = Vec::new();
    for begun in std::mem::take(&mut state.moves).into_values() {
        let Move::Leaving { to, urns, .. } = begun else { continue };
        let there = copy.read(&project.name, &to).await?.unwrap_or_default();
        let adopted: HashSet<&OpId> = there.instances().map(|it| &it.op).collect();
        let has_left = |it: &Instance| urns.contains_key(&it.urn) && adopted.contains(&it.op);
        let (left, stay): (Vec<&Urn>, Vec<&Urn>) =
            urns.keys().partition(|urn| state.live.get(*urn).is_some_and(|it| has_left(it)));
        let labels = |urns: Vec<&Urn>| some_of(&urns.into_iter().map(Urn::label).collect::<Vec<_>>(), 5);
        if !left.is_empty() {
            told.push(format!("moved to stack `{to}`, which has adopted it, and left out: {}", labels(left)));
        }
        if !stay.is_empty() {
            told.push(format!("about to move to stack `{to}`, which has not adopted it, and kept: {}", labels(stay)));
        }
        state.live.retain(|_, it| !has_left(it));
        state.condemned.retain(|_, it| !has_left(it));
        *state = state.mended();
    }
    Ok(told)
}

/// What the copy may lack.
fn lacks(state: &State, moves: Vec<String>) -> Text {
    let mut text = Text::new();
    let mut say = |tone, line: String| text.line(Line::plain("  ").with(tone, "· ").add(line));
    let last_ms = state.runs.last().map(|run| run.end.as_ref().map_or(run.start.at_ms, |end| end.at_ms));
    match last_ms {
        Some(ms) => {
            let age = duration(u64::try_from(now_ms() - ms).unwrap_or(0));
            let number = state.seq;
            say(Tone::Plain, format!("the copy ends with record {number}, of {} ({age} ago)", moment(ms)));
        }
        None => say(Tone::Warning, "the copy has no run: it may be of the very beginning".to_owned()),
    }
    say(Tone::Warning, "what was made after that is not in it: `up` would make it again. Look for objects with the tag terrane:stack first".to_owned());
    if !state.pending.is_empty() {
        let labels: Vec<String> = state.pending.values().map(|intent| intent.urn.label()).collect();
        let number = count(labels.len(), "operation");
        say(
            Tone::Warning,
            format!("{number} had begun and not ended ({}): the next `up` finds out how", some_of(&labels, 5)),
        );
    }
    moves.into_iter().for_each(|line| say(Tone::Warning, line));
    say(
        Tone::Plain,
        "it begins a new lineage here: no id is used again. Should the old place come back, nobody may go on with it there".to_owned(),
    );
    text
}
