//! `secrets change-passphrase`: another passphrase for the same key.

use super::{change, known_keys, new_passphrase};
use crate::{context::Context, error::Result, project::Project};
use terrane_state::secrets::KeyChange;

pub(super) async fn run(context: &Context, project: &Project) -> Result<()> {
    known_keys(project).await?;
    // The present one first; that whoever changes it knows it is seen to with the change.
    project.session().state().await?;
    let new = new_passphrase(context).await?;
    change(context, project, "secrets change-passphrase", &KeyChange::ChangePassphrase(new)).await?;
    context.terminal.say(format_args!("The passphrase of stack `{}` is the new one from now on.\n", project.stack));
    Ok(())
}
