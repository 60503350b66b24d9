//! `config …`: one file each.

mod get;
mod ls;
mod rm;
mod set;

use crate::{
    arguments::Config,
    context::Context,
    error::{Error, Result},
    exit::Exit,
    project::Project,
};
use serde_json::{Map, Value};

pub(super) async fn run(context: &Context, command: Config) -> Result<Exit> {
    let project = context.project()?;
    match command {
        Config::Ls => ls::run(context, &project)?,
        Config::Get { key, show_secrets } => get::run(context, &project, &key, show_secrets).await?,
        Config::Set { key, value, secret: false } => set::run(context, &project, &key, value.as_deref())?,
        Config::Set { key, value, secret: true } => set::secret(context, &project, &key, value.is_some()).await?,
        Config::Rm { key } => rm::run(context, &project, &key)?,
    }
    Ok(Exit::Done)
}

/// Every key that has a value of its own, with dots between its parts.
fn flat(values: &Map<String, Value>) -> Vec<(String, &Value)> {
    let mut all = Vec::new();
    collect("", values, &mut all);
    all
}

fn collect<'a>(above: &str, values: &'a Map<String, Value>, all: &mut Vec<(String, &'a Value)>) {
    for (key, value) in values {
        let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
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
