//! `state recover`: takes the state over from a copy, when the place that kept it is lost.

use super::restore::{self, Flags};
use crate::{
    context::Context,
    error::{Error, Result},
    exit::Exit,
    json::now_ms,
    project::Project,
    render::{
        Line, Text, Tone,
        units::{count, duration, moment, some_of},
    },
};
use terrane_core::State;

pub(super) async fn run(context: &Context, project: &Project, from: &str, flags: Flags) -> Result<Exit> {
    if from == project.state {
        return Err(Error::usage("the copy is the very place that keeps the state now")
            .hint("--state (or TERRANE_STATE) names the new place, --from the copy"));
    }
    let copy = terrane_state::open(from)?;
    let Some(mut state) = copy.read(&project.name, &project.stack).await? else {
        let stacks = copy.stacks(&project.name).await?;
        let message = format!("there is no stack `{}` of {} in {from}", project.stack, project.name);
        return Err(Error::usage(message).nearest(&project.stack, &stacks));
    };
    state.moves.clear();
    let present = project.session().state().await?;
    restore::check(project, from, &state, present.as_ref(), flags)?;
    context.terminal.say(lacks(&state));
    restore::replace(context, project, "state recover", state, flags.yes).await
}

/// What the copy may lack.
fn lacks(state: &State) -> Text {
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
    say(
        Tone::Plain,
        "it begins a new lineage here: no id is used again. Should the old place come back, nobody may go on with it there".to_owned(),
    );
    text
}
