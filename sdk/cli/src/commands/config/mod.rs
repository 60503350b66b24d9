//! `config …`: one file each.

mod get;
mod ls;
mod rm;
mod set;

use crate::{
    context::Context,
    error::{Error, Result},
    exit::Exit,
    project::{Project, edit},
};
use serde_json::{Map, Value};

/// What can be done with the configuration.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List every key with its value and place
    Ls,
    /// Print one value
    Get(get::Args),
    /// Set a value in the stack's file
    Set(set::Args),
    /// Remove a value from the stack's file
    Rm(rm::Args),
}

pub(super) async fn run(context: &Context, command: Command) -> Result<Exit> {
    let project = context.project()?;
    match command {
        Command::Ls => ls::run(context, &project)?,
        Command::Get(arguments) => get::run(context, &project, &arguments).await?,
        Command::Set(arguments) => set::run(context, &project, &arguments).await?,
        Command::Rm(arguments) => rm::run(context, &project, &arguments)?,
    }
    Ok(Exit::Done)
}

/// Every key that has a value of its own, as it has to be written.
fn flat(values: &Map<String, Value>) -> Vec<(String, &Value)> {
    let mut all = Vec::new();
    collect("", values, &mut all);
    all
}

fn collect<'a>(above: &str, values: &'a Map<String, Value>, all: &mut Vec<(String, &'a Value)>) {
    for (key, value) in values {
        let part = edit::written([key.as_str()]);
        let path = if above.is_empty() { part } else { format!("{above}.{part}") };
        match value {
            Value::Object(inner) if !inner.is_empty() => collect(&path, inner, all),
            value => all.push((path, value)),
        }
    }
}

fn no_such_key(project: &Project, key: &str) -> Error {
    let known: Vec<String> = flat(project.files.values()).into_iter().map(|(key, _)| key).collect();
    Error::usage(format!("the configuration of stack `{}` has no `{key}`", project.stack)).nearest(key, &known)
}
