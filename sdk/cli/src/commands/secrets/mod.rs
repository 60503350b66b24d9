//! `secrets …`: one file each, and what they share.

mod add_recipient;
mod change_passphrase;
mod ls;
mod rm_recipient;
mod rotate;

use crate::{
    commands::apply::until_free,
    context::Context,
    environment::NEW_PASSPHRASE,
    error::{Error, Result},
    exit::Exit,
    hidden,
    project::Project,
};
use std::env;
use terrane_state::secrets::{self, Guard, KeyChange, PASSPHRASE_VARIABLE, Passphrase, Recipient, WrappedKey};

/// What can be done with the keys of secrets.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the ways to the key of the stack's secrets
    Ls,
    /// Let one more read the stack's secrets
    AddRecipient(add_recipient::Args),
    /// Don't let one read the stack's secrets any more; `rotate` then makes a key that it never had
    RmRecipient(rm_recipient::Args),
    /// Make a new key, and encrypt every secret anew
    Rotate,
    /// Put another passphrase in the place of the present one
    ChangePassphrase,
}

pub(super) async fn run(context: &Context, command: Command) -> Result<Exit> {
    let project = context.project()?;
    match command {
        Command::Ls => ls::run(context, &project).await?,
        Command::AddRecipient(arguments) => add_recipient::run(context, &project, &arguments.recipient).await?,
        Command::RmRecipient(arguments) => rm_recipient::run(context, &project, &arguments.recipient).await?,
        Command::Rotate => rotate::run(context, &project).await?,
        Command::ChangePassphrase => change_passphrase::run(context, &project).await?,
    }
    Ok(Exit::Done)
}

/// What a person names: `passphrase`, `keyfile`, `age1…` or `awskms:…`. A passphrase is asked for.
pub(super) async fn recipient(context: &Context, text: &str) -> Result<Recipient> {
    match text {
        Guard::PASSPHRASE => {
            // A stack that has none yet gets the one that its later commands will be given.
            let given = given(NEW_PASSPHRASE).transpose().or_else(|| given(PASSPHRASE_VARIABLE).transpose());
            Ok(Recipient::Passphrase(match given {
                Some(passphrase) => passphrase?,
                None => new_passphrase(context).await?,
            }))
        }
        Guard::KEY_FILE => Ok(Recipient::KeyFile),
        text => Ok(Recipient::Other(Guard::recipient(text).map_err(|error| Error::usage(error.to_string()))?)),
    }
}

/// From the environment, or asked for twice.
async fn new_passphrase(context: &Context) -> Result<Passphrase> {
    if let Some(passphrase) = given(NEW_PASSPHRASE)? {
        return Ok(passphrase);
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
    Passphrase::new(first.expose().as_str()).map_err(refused)
}

/// The passphrase that a variable holds; none where it isn't set.
fn given(variable: &'static str) -> Result<Option<Passphrase>> {
    env::var_os(variable).map(|_| Passphrase::of_variable(variable)).transpose().map_err(refused)
}

fn refused(error: secrets::Error) -> Error {
    Error::usage(match error {
        secrets::Error::MissingPassphrase { .. } => "the passphrase is empty; nothing was changed".to_owned(),
        error => error.to_string(),
    })
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
    until_free(context, &project.session()).await?;
    context.writing(async |events| project.session().change_keys(command, change, events).await).await
}
