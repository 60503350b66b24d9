//! `stack ls`: the project's stacks.

use crate::{
    context::Context,
    error::Result,
    project::Project,
    render::{Text, table::table, units},
};
use serde_json::json;

pub(super) async fn run(context: &Context, project: &Project) -> Result<()> {
    let mut rows = Vec::new();
    for name in project.stacks().await? {
        let state = project.store.read(&project.name, &name).await?.unwrap_or_default();
        let last_ms = state.runs.last().map(|run| run.end.as_ref().map_or(run.start.at_ms, |end| end.at_ms));
        let is_selected = name == project.stack;
        if context.globals.json {
            context.terminal.out_line(json!({
                "name": name, "selected": is_selected, "resources": state.live.len(), "last_run_ms": last_ms,
            }))?;
        }
        let mark = if is_selected { "*" } else { "" };
        let last = last_ms.map(units::moment).unwrap_or_default();
        rows.push(vec![mark.to_owned(), name, state.live.len().to_string(), last]);
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
    let text: Text = table(&["", "stack", "resources", "last run"], &rows, context.terminal.columns());
    context.terminal.out(text)
}
