//! `state unlock`: ends another's hold on the stack so that it can never write again. Nothing is deleted.

use crate::{
    commands::ask::{Consent, confirm},
    context::Context,
    error::{Error, Result},
    exit::Exit,
    project::Project,
    render::units::duration,
};
use terrane_state::{Error as StateError, Held, Holder, s3::Settings};

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(super) consent: Consent,
}

pub(super) async fn run(context: &Context, project: &Project, consent: Consent) -> Result<()> {
    let (name, stack) = (&project.name, &project.stack);
    let Some(held) = project.store.held(name, stack).await? else {
        context.terminal.say(format_args!("Nobody works on stack `{stack}`.\n"));
        return Ok(());
    };
    let Held { holder, takeover_in_ms, .. } = &held;
    if takeover_in_ms.is_none() {
        return Err(tied(stack, holder));
    }
    let question = format!(
        "End the hold of {holder} on stack `{stack}`? A call of theirs that is on its way still happens, and none after it"
    );
    confirm(context, &question, consent).await?;
    let permit_ms = u64::try_from(Settings::default().permit.as_millis()).unwrap_or(u64::MAX);
    context.terminal.say(format_args!("Waiting {} until they can't begin calls any more …\n", duration(permit_ms)));
    match project.store.unlock(name, stack, holder).await {
        Ok(true) => context.terminal.say(format_args!(
            "Ended the hold of {holder}. The next `up` finds out how the calls ended that they had begun.\n"
        )),
        Ok(false) => context.terminal.say(format_args!("Nobody works on stack `{stack}` any more.\n")),
        Err(StateError::Locked { holder: Some(now) }) => return Err(passed_on(stack, &now)),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Somebody else has the stack by now, whom nobody was asked about.
fn passed_on(stack: &str, now: &Holder) -> Error {
    Error::new(Exit::Locked, format!("nothing was changed: stack `{stack}` is held by {now} by now"))
        .hint("`state unlock` once more ends their hold, if that is what is wanted")
}

/// On a disk of this machine the kernel says who holds the lock, and takes it from nobody who lives.
fn tied(stack: &str, holder: &Holder) -> Error {
    let pid = holder.pid;
    Error::new(Exit::Locked, format!("stack `{stack}` is held by {holder}, and that process is running"))
        .detail("on a disk the lock belongs to the process: the kernel releases it at the moment when the process ends, however it ends")
        .hint(format!("`kill -INT {pid}` lets it finish what is under way; `kill -9 {pid}` is safe, too: the next `up` picks up from there"))
}
