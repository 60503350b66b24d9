//! `stack history`: the runs, the latest last, and the restore points that are kept.

use crate::{
    commands::state::known_state,
    context::Context,
    error::{Error, Result},
    project::Project,
    render::{Text, table::table, units},
};
use serde_json::json;
use terrane_core::state::Run;
use terrane_state::RestorePoint;

pub(super) async fn run(context: &Context, project: &Project) -> Result<()> {
    let runs = known_state(project).await?.runs;
    let points = project.store.restore_points(&project.name, &project.stack).await?;
    if context.globals.json {
        runs.iter().try_for_each(|run| {
            let line = serde_json::to_string(run).map_err(|error| Error::failed(error.to_string()))?;
            context.terminal.out_line(line)
        })?;
        return points.iter().try_for_each(|point| {
            context.terminal.out_line(json!({"restore_point": point.seq, "at_ms": point.at_ms, "bytes": point.bytes}))
        });
    }
    if runs.is_empty() {
        context.terminal.say(format_args!("Stack `{}` has no runs yet.\n", project.stack));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = runs.iter().map(row).collect();
    let headings = ["when", "command", "who", "result", "changes", "message"];
    let mut text = table(&headings, &rows, context.terminal.columns());
    if !points.is_empty() {
        text.gap();
        text.append(restore_points(&points, context.terminal.columns()));
    }
    context.terminal.out(text)
}

/// What `stack rollback` and `up --rollback-to` can go back to.
fn restore_points(points: &[RestorePoint], columns: usize) -> Text {
    let kib = |bytes: u64| format!("{} KiB", bytes.div_ceil(1024));
    let row = |point: &RestorePoint| vec![point.seq.to_string(), units::moment(point.at_ms), kib(point.bytes)];
    let rows: Vec<Vec<String>> = points.iter().map(row).collect();
    table(&["restore point", "when", "size"], &rows, columns)
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
