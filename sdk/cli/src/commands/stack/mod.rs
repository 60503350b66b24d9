//! `stack …`: one file each.

mod export;
mod graph;
mod history;
mod init;
mod ls;
mod output;
mod rename;
mod rm;
mod rollback;
mod select;

pub(super) use rollback::past;

use crate::{arguments::Stack, context::Context, error::Result, exit::Exit};

pub(super) async fn run(context: &Context, command: Stack) -> Result<Exit> {
    let project = context.project()?;
    match command {
        Stack::Ls => ls::run(context, &project).await?,
        Stack::Init { name, secrets, create_bucket } => {
            if create_bucket {
                init::create_bucket(context, &project).await?;
            }
            init::run(context, &project, &name, secrets.as_deref()).await?;
        }
        Stack::Rollback { to, yes } => return rollback::run(context, &project, to, yes).await,
        Stack::Rename { from, to, yes } => return rename::run(context, &project, &from, &to, yes).await,
        Stack::Select { name } => select::run(context, &project, &name).await?,
        Stack::Rm { name, force, yes } => return rm::run(context, &project, &name, rm::Flags { force, yes }).await,
        Stack::Output { name, show_secrets } => output::run(context, &project, name.as_deref(), show_secrets).await?,
        Stack::Export { show_secrets } => export::run(context, &project, show_secrets).await?,
        Stack::History => history::run(context, &project).await?,
        Stack::Graph => graph::run(context, &project).await?,
    }
    Ok(Exit::Done)
}
