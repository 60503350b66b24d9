//! `config get`: one value.

use super::no_such_key;
use crate::{
    context::Context,
    error::Result,
    project::{Project, edit},
};
use serde_json::Value;
use terrane_core::properties::MASK;
use terrane_state::secrets::is_sealed;
use toml_edit::Key;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The key, with dots between its parts
    key: String,
    /// Print a secret
    #[arg(long)]
    show_secrets: bool,
}

pub(super) async fn run(context: &Context, project: &Project, Args { key, show_secrets }: &Args) -> Result<()> {
    let keys = edit::keys(key)?;
    let mut parts = keys.iter().map(Key::get);
    let first = parts.next().and_then(|part| project.files.values().get(part));
    let value = parts.try_fold(first, |value, part| Some(value?.get(part))).flatten();
    let value = match value {
        Some(Value::String(text)) if is_sealed(text) && *show_secrets => project.open_config(key).await?,
        value => value.cloned().map(masked),
    };
    match value {
        Some(Value::String(text)) if !context.globals.json => context.terminal.out_line(text),
        Some(value) => context.terminal.out_line(value),
        None => Err(no_such_key(project, key)),
    }
}

/// A value without its secrets, which nobody could read anyway.
pub(super) fn masked(value: Value) -> Value {
    match value {
        Value::String(text) if is_sealed(&text) => Value::from(MASK),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, masked(value))).collect(),
        value => value,
    }
}
