//! `secrets …`: one file each, and what they share.

mod add_recipient;
mod change_passphrase;
mod ls;
mod rm_recipient;
mod rotate;

use crate::{
    arguments::Secrets,
    context::Context,
    error::{Error, Result},
    exit::Exit,
    hidden,
    project::Project,
};
use std::env;
use terrane_core::Secret;
use terrane_state::secrets::{Guard, KeyChange, PASSPHRASE_VARIABLE, Passphrase, Recipient, WrappedKey};

/// Holds the passphrase that is to be added or to take the place of the present one.
const NEW_PASSPHRASE: &str = "TERRANE_NEW_PASSPHRASE";

pub(super) async fn run(context: &Context, command: Secrets) -> Result<Exit> {
    let project = context.project()?;
    match command {
        Secrets::Ls => ls::run(context, &project).await?,
        Secrets::AddRecipient { recipient } => add_recipient::run(context, &project, &recipient).await?,
        Secrets::RmRecipient { recipient } => rm_recipient::run(context, &project, &recipient).await?,
        Secrets::Rotate => rotate::run(context, &project).await?,
        Secrets::ChangePassphrase => change_passphrase::run(context, &project).await?,
    }
    Ok(Exit::Done)
}

/// What a person names: `passphrase`, `keyfile`, `age1…` or `awskms:…`. A passphrase is asked for.
pub(super) async fn recipient(context: &Context, text: &str) -> Result<Recipient> {
    match text {
        Guard::PASSPHRASE => match (env::var_os(NEW_PASSPHRASE), env::var_os(PASSPHRASE_VARIABLE)) {
            // A stack that has none yet gets the one that its later commands will be given.
            (None, Some(text)) => {
                Ok(Recipient::Passphrase(passphrase(&Secret::new(text.to_string_lossy().into_owned()))?))
            }
            _ => Ok(Recipient::Passphrase(new_passphrase(context).await?)),
        },
        Guard::KEY_FILE => Ok(Recipient::KeyFile),
        text => Ok(Recipient::Other(Guard::recipient(text).map_err(|error| Error::usage(error.to_string()))?)),
    }
}

/// From the environment, or asked for twice.
async fn new_passphrase(context: &Context) -> Result<Passphrase> {
    if let Some(text) = env::var_os(NEW_PASSPHRASE) {
        return passphrase(&Secret::new(text.to_string_lossy().into_owned()));
    }
    if !context.terminal.is_interactive() {
        return Err(
            Error::usage("nobody is there to type the new passphrase").hint(format!("set {NEW_PASSPHRASE} to it"))
        );
    }
    let first = hidden::ask(context, "New passphrase:").await?;
    if first != hidden::ask(context, "Once more:").await? {
        return Err(Error::usage("the two are not the same; nothing was changed"));
    }
    passphrase(&first)
}

fn passphrase(text: &Secret<String>) -> Result<Passphrase> {
    Passphrase::new(text.expose().as_str()).map_err(|_| Error::usage("the passphrase is empty; nothing was changed"))
}

/// Refuses a stack that has no secrets, since there is nothing to change.
async fn known_keys(project: &Project) -> Result<WrappedKey> {
    let keys = project.store.keys(&project.name, &project.stack).await?;
    keys.ok_or_else(|| {
        Error::usage(format!("stack `{}` has no key for secrets yet", project.stack))
            .hint("the first secret makes one; `secrets add-recipient` says beforehand who may read it")
    })
}

async fn change(context: &Context, project: &Project, command: &str, change: &KeyChange) -> Result<WrappedKey> {
    project.claim()?;
    let progress = context.progress();
    let session = project.session().telling(progress.events().clone());
    context.or_interrupted(session.change_keys(command, change)).await
}
