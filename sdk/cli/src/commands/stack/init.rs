//! `stack init`: make a stack, and select it.

use crate::{
    commands::{secrets, state::edit},
    context::Context,
    error::{Error, Result},
    project::Project,
};
use terrane_core::{Properties, Record};
use terrane_state::secrets::KeyChange;

/// Makes the bucket that keeps the state; one that is there is left as it is.
pub(super) async fn create_bucket(context: &Context, project: &Project) -> Result<()> {
    if !project.state.starts_with("s3://") {
        return Err(Error::usage(format!("--create-bucket: {} is not in a bucket", project.state))
            .hint("--state s3://bucket/prefix?region=… (or TERRANE_STATE) names one"));
    }
    let words = match context.or_interrupted(terrane_state::s3::create_bucket(&project.state)).await? {
        true => "Made the bucket: private, encrypted, with versions, over TLS only.",
        false => "The bucket is there already, and was left as it is.",
    };
    context.terminal.say(format_args!("{words}\n"));
    Ok(())
}

pub(super) async fn run(context: &Context, project: &Project, name: &str, kept_for: Option<&str>) -> Result<()> {
    if project.stacks().await?.iter().any(|stack| stack == name) {
        return Err(Error::usage(format!("there is a stack `{name}` already"))
            .hint(format!("`stack select {name}` selects it")));
    }
    let recipient = match kept_for {
        Some(text) => Some(secrets::recipient(context, text).await?),
        None => None,
    };
    let session = project.on_stack(name)?;
    project.claim()?;
    // A stack begins with its first record: it exports nothing yet.
    edit(context, session, "stack init", |_| Ok(vec![Record::Outputs { exports: Properties::default() }])).await?;
    if let Some(recipient) = recipient {
        project.on_stack(name)?.change_keys("stack init", &KeyChange::Add(recipient)).await?;
    }
    project.select(name)?;
    context.terminal.say(format_args!("Made stack `{name}`, and selected it.\n"));
    Ok(())
}
