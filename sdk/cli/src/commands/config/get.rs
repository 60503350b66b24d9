//! `config get`: one value.

use super::no_such_key;
use crate::{context::Context, error::Result, project::Project};
use serde_json::Value;

pub(super) fn run(context: &Context, project: &Project, key: &str) -> Result<()> {
    let mut parts = key.split('.');
    let first = parts.next().and_then(|part| project.files.values().get(part));
    let value = parts.try_fold(first, |value, part| Some(value?.get(part))).flatten();
    match value {
        Some(Value::String(text)) if !context.globals.json => context.terminal.out_line(text),
        Some(value) => context.terminal.out_line(value),
        None => Err(no_such_key(project, key)),
    }
}
