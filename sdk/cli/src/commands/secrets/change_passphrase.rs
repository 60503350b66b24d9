//! `secrets change-passphrase`: another passphrase for the same key.

use super::{change, known_keys, new_passphrase, passphrase};
use crate::{context::Context, error::Result, hidden, project::Project};
use std::env;
use terrane_core::Secret;
use terrane_state::secrets::{KeyChange, PASSPHRASE_VARIABLE};

pub(super) async fn run(context: &Context, project: &Project) -> Result<()> {
    known_keys(project).await?;
    let old = match env::var_os(PASSPHRASE_VARIABLE) {
        Some(text) => Secret::new(text.to_string_lossy().into_owned()),
        None => hidden::ask(context, "Present passphrase:").await?,
    };
    let (old, new) = (passphrase(&old)?, new_passphrase(context).await?);
    change(context, project, "secrets change-passphrase", &KeyChange::ChangePassphrase { old, new }).await?;
    context.terminal.say(format_args!("The passphrase of stack `{}` is the new one from now on.\n", project.stack));
    Ok(())
}
