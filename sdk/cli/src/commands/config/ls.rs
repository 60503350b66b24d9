//! `config ls`: every key with its value and place.

use super::{flat, get::masked};
use crate::{
    context::Context,
    error::Result,
    project::{Project, edit},
    render::{table::table, value},
};
use serde_json::Value;

pub(super) fn run(context: &Context, project: &Project) -> Result<()> {
    if context.globals.json {
        return context.terminal.out_line(masked(Value::Object(project.files.values().clone())));
    }
    let place = |key: &str| edit::plain(key).ok().and_then(|key| project.files.places().get(&key).cloned());
    let row = |(key, value): (String, &Value)| {
        vec![place(&key).unwrap_or_default(), key, value::brief(&masked(value.clone()))]
    };
    let rows: Vec<Vec<String>> = flat(project.files.values()).into_iter().map(row).collect();
    if rows.is_empty() {
        context
            .terminal
            .say(format_args!("Stack `{}` has no configuration; `config set KEY VALUE` adds to it.\n", project.stack));
        return Ok(());
    }
    context.terminal.out(table(&["place", "key", "value"], &rows, context.terminal.columns()))
}
