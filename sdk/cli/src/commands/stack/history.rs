//! `stack history`: the runs, the latest last.

use crate::{
    commands::state::known_state,
    context::Context,
    error::{Error, Result},
    project::Project,
    render::{table::table, units},
};
use terrane_core::state::Run;

pub(super) async fn run(context: &Context, project: &Project) -> Result<()> {
    let runs = known_state(project).await?.runs;
    if context.globals.json {
        return runs.iter().try_for_each(|run| {
            let line = serde_json::to_string(run).map_err(|error| Error::failed(error.to_string()))?;
            context.terminal.out_line(line)
        });
    }
    if runs.is_empty() {
        context.terminal.say(format_args!("Stack `{}` has no runs yet.\n", project.stack));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = runs.iter().map(row).collect();
    let headings = ["when", "command", "who", "result", "changes", "message"];
    context.terminal.out(table(&headings, &rows, context.terminal.columns()))
}

fn row(run: &Run) -> Vec<String> {
    let (result, changes) = match &run.end {
        None => ("killed".to_owned(), String::new()),
        Some(end) => {
            let took_ms = u64::try_from(end.at_ms - run.start.at_ms).unwrap_or(0);
            let [made, changed, deleted] = end.changes;
            (format!("{} in {}", end.result, units::duration(took_ms)), format!("+{made} ~{changed} -{deleted}"))
        }
    };
    let start = &run.start;
    vec![units::moment(start.at_ms), start.command.clone(), start.who.clone(), result, changes, start.message.clone()]
}
