//! `state unlock`: ends another's hold on the stack so that it can never write again. Nothing is deleted.

use crate::{
    commands::ask::confirm,
    context::Context,
    error::{Error, Result},
    exit::Exit,
    project::Project,
};
use terrane_state::{Held, Holder};

pub(super) async fn run(context: &Context, project: &Project, yes: bool) -> Result<Exit> {
    let (name, stack) = (&project.name, &project.stack);
    let Some(held) = project.store.held(name, stack).await? else {
        context.terminal.say(format_args!("Nobody works on stack `{stack}`.\n"));
        return Ok(Exit::Done);
    };
    let Held { holder, takeover_in_ms, .. } = &held;
    if takeover_in_ms.is_none() {
        return Err(tied(stack, holder));
    }
    let question = format!(
        "End the hold of {holder} on stack `{stack}`? A call of theirs that is on its way still happens, and none after it"
    );
    if !confirm(context, &question, yes).await? {
        context.terminal.say("Nothing was changed.\n");
        return Ok(Exit::Failed);
    }
    match project.store.unlock(name, stack, &Holder::current()).await? {
        Some(holder) => context.terminal.say(format_args!(
            "Ended the hold of {holder}. The next `up` finds out how the calls ended that they had begun.\n"
        )),
        None => context.terminal.say(format_args!("Nobody works on stack `{stack}` any more.\n")),
    }
    Ok(Exit::Done)
}

/// On a disk of this machine the kernel says who holds the lock, and takes it from nobody who lives.
fn tied(stack: &str, holder: &Holder) -> Error {
    let pid = holder.pid;
    Error::new(Exit::Locked, format!("stack `{stack}` is held by {holder}, and that process is running"))
        .detail("on a disk the lock belongs to the process: the kernel releases it at the moment when the process ends, however it ends")
        .hint(format!("`kill -INT {pid}` lets it finish what is under way; `kill -9 {pid}` is safe, too: the next `up` picks up from there"))
}
