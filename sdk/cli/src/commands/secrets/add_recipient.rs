//! `secrets add-recipient`: one more way to the key. No value is encrypted anew.

use super::{change, recipient};
use crate::{context::Context, error::Result, project::Project};
use terrane_state::secrets::KeyChange;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// age1…, awskms:<key ARN>, `passphrase` or `keyfile`
    pub(super) recipient: String,
}

pub(super) async fn run(context: &Context, project: &Project, name: &str) -> Result<()> {
    let recipient = recipient(context, name).await?;
    change(context, project, "secrets add-recipient", &KeyChange::Add(recipient)).await?;
    context.terminal.say(format_args!("The secrets of stack `{}` can be read by {name}, too.\n", project.stack));
    Ok(())
}
