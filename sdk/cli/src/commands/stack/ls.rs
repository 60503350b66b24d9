//! `stack ls`: the project's stacks.

use crate::{
    context::Context,
    error::Result,
    project::Project,
    render::{table::table, units},
};
use serde_json::{Value, json};
use terrane_core::State;
use terrane_state::Error as StateError;

pub(super) async fn run(context: &Context, project: &Project) -> Result<()> {
    let mut rows = Vec::new();
    for name in project.stacks().await? {
        let state = project.store.read(&project.name, &name).await.map(Option::unwrap_or_default);
        let is_selected = name == project.stack;
        if context.globals.json {
            context.terminal.out_line(told(&name, is_selected, &state))?;
            continue;
        }
        if let Err(error) = &state {
            context.warn(format_args!("stack `{name}`: {error}"));
        }
        let mark = if is_selected { "*" } else { "" };
        rows.push([vec![mark.to_owned(), name], cells(&state)].concat());
    }
    if context.globals.json {
        return Ok(());
    }
    if rows.is_empty() {
        context.terminal.say(format_args!(
            "There is no stack of {} yet; the first `up` makes `{}`.\n",
            project.name, project.stack
        ));
        return Ok(());
    }
    context.terminal.out(table(&["", "stack", "resources", "last run", ""], &rows, context.terminal.columns()))
}

/// A stack as JSON. One that can't be read is a stack all the same.
fn told(name: &str, is_selected: bool, state: &Result<State, StateError>) -> Value {
    match state {
        Ok(state) => json!({
            "name": name, "selected": is_selected, "resources": state.live.len(), "last_run_ms": last_ms(state),
            "renamed_to": state.renamed_to(),
        }),
        Err(error) => json!({"name": name, "selected": is_selected, "error": error.to_string()}),
    }
}

/// The cells behind a stack's name.
fn cells(state: &Result<State, StateError>) -> Vec<String> {
    let Ok(state) = state else { return vec!["?".to_owned(), String::new(), "can't be read".to_owned()] };
    let renamed = state.renamed_to().map(|to| format!("called `{to}` now")).unwrap_or_default();
    vec![state.live.len().to_string(), last_ms(state).map(units::moment).unwrap_or_default(), renamed]
}

fn last_ms(state: &State) -> Option<i64> {
    state.runs.last().map(|run| run.end.as_ref().map_or(run.start.at_ms, |end| end.at_ms))
}
