//! `state repair --set-aside`: puts a state that doesn't load out of the way, whole, so that the stack can begin anew.

use crate::{
    commands::ask::{Consent, confirm},
    context::Context,
    error::{Error, Result},
    project::Project,
    render::{Line, Text, Tone},
};
use terrane_state::Holder;

pub(super) async fn run(context: &Context, project: &Project, consent: Consent) -> Result<()> {
    let (name, stack) = (&project.name, &project.stack);
    let damage = match project.store.read(name, stack).await {
        Err(error) if error.is_damage() => error,
        Err(error) => return Err(error.into()),
        Ok(_) => {
            return Err(Error::usage(format!("the state of stack `{stack}` loads: nothing of it is to be set aside"))
                .hint("`state doctor` says what is wrong with it, if anything is"));
        }
    };
    let mut text = Text::new();
    text.line(Line::plain("  ").with(Tone::Removed, "✗").add(format!(" {damage}")));
    text.line(Line::plain(
        "    a restore point that is to be kept must be exported before: `state doctor` names the newest that is whole",
    ));
    context.terminal.say(text);
    let question = format!("Set this state of {name} / {stack} aside, so that the stack begins anew?");
    confirm(context, &question, consent).await?;
    let place = project.store.set_aside(name, stack, &Holder::current()).await?;
    context.terminal.say(format_args!(
        "The damaged state is {place} now. Stack `{stack}` has none until `state import FILE` or `state recover --from URL` gives it one; before \
         that, `up` would make everything once more.\n"
    ));
    Ok(())
}
