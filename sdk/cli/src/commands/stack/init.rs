//! `stack init`: make a stack, and select it.

use super::renamed_to;
use crate::{
    commands::{secrets, state::edit},
    context::Context,
    error::{Error, Result},
    project::Project,
};
use terrane_core::{Properties, Record};
use terrane_state::secrets::KeyChange;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its name
    name: String,
    /// Who can read its secrets: age1…, awskms:<key ARN>, `passphrase` or `keyfile`
    #[arg(long, value_name = "RECIPIENT")]
    secrets: Option<String>,
    /// Make the bucket that keeps its state as well: private, encrypted, with versions, over TLS only
    #[arg(long)]
    create_bucket: bool,
}

/// Makes the bucket that keeps the state; one that is there is left as it is.
async fn create_bucket(context: &Context, project: &Project) -> Result<()> {
    if !project.state.starts_with("s3://") {
        return Err(Error::usage(format!("--create-bucket: {} is not in a bucket", project.state))
            .hint("--state s3://bucket/prefix?region=… (or TERRANE_STATE) names one"));
    }
    if context.writing(async |_| terrane_state::s3::create_bucket(&project.state).await).await? {
        context.terminal.say("Made the bucket: private, encrypted, with versions, over TLS only.\n");
        return Ok(());
    }
    context.terminal.say("The bucket is there already, and was left as it is.\n");
    for advice in project.store.advice(&project.name, &project.stack).await? {
        context.warn(advice);
    }
    Ok(())
}

pub(super) async fn run(context: &Context, project: &Project, arguments: &Args) -> Result<()> {
    if arguments.create_bucket {
        create_bucket(context, project).await?;
    }
    let name = arguments.name.as_str();
    if project.stacks().await?.iter().any(|stack| stack == name) {
        let error = Error::usage(format!("there is a stack `{name}` already"));
        return Err(match renamed_to(project, name).await {
            Some(to) => {
                error.hint(format!("it only says that it is called `{to}` now: `stack rm {name}` frees the name"))
            }
            None => error.hint(format!("`stack select {name}` selects it")),
        });
    }
    let recipient = match &arguments.secrets {
        Some(text) => Some(secrets::recipient(context, text).await?),
        None => None,
    };
    let session = project.on_stack(name)?;
    project.claim()?;
    // A stack begins with its first record: it exports nothing yet.
    edit(context, session, "stack init", |_| Ok(vec![Record::Outputs { exports: Properties::default() }])).await?;
    if let Some(recipient) = recipient {
        let (session, change) = (project.on_stack(name)?, KeyChange::Add(recipient));
        context.writing(async |events| session.change_keys("stack init", &change, events).await).await?;
    }
    project.select(name)?;
    context.terminal.say(format_args!("Made stack `{name}`, and selected it.\n"));
    Ok(())
}
