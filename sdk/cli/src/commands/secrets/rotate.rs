//! `secrets rotate`: a new key, and every secret under it, in state and in the stack's configuration file.

use super::{change, known_keys};
use crate::{context::Context, error::Result, project::Project};
use terrane_state::secrets::KeyChange;

pub(super) async fn run(context: &Context, project: &Project) -> Result<()> {
    let former = known_keys(project).await?;
    let keys = change(context, project, "secrets rotate", &KeyChange::Rotate).await?;
    // The new key opens what the former one sealed, so this may be cut off anywhere, too.
    project.reseal_config().await?;
    context.terminal.say(format_args!(
        "The secrets of stack `{}` are under key {} now, and no longer under {}.\n",
        project.stack,
        keys.key_id(),
        former.key_id()
    ));
    Ok(())
}
