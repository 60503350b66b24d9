//! `state repair`: mends what can be mended without losing anything.

use super::{edit, known_state};
use crate::{
    commands::ask::confirm,
    context::Context,
    error::{Error, Result},
    exit::Exit,
    project::Project,
    render::{Line, Text, Tone, units::count},
};
use terrane_core::{Record, State, state::Damage};

/// So many are told.
const SHOWN_MAX: usize = 20;

pub(super) async fn run(context: &Context, project: &Project, yes: bool) -> Result<Exit> {
    let (name, stack) = (&project.name, &project.stack);
    let damage = known_state(project)
        .await
        .map_err(|error| error.hint("`state doctor` says what is safe to do"))?
        .damage(name, stack);
    let (mendable, rest): (Vec<Damage>, Vec<Damage>) = damage.into_iter().partition(Damage::is_mendable);
    context.terminal.say(shown(&mendable, Tone::Changed, "~"));
    context.terminal.say(shown(&rest, Tone::Warning, "!"));
    if mendable.is_empty() {
        return match rest.len() {
            0 => {
                context.terminal.say(format_args!("There is nothing to repair in stack `{stack}`.\n"));
                Ok(Exit::Done)
            }
            _ => Err(Error::failed("nothing of this can be repaired without losing something")
                .hint("`state doctor` says what is safe to do")),
        };
    }
    let edges = count(mendable.len(), "edge");
    if !confirm(context, &format!("Drop {edges} to what is gone? No object is touched."), yes).await? {
        context.terminal.say("Nothing was changed.\n");
        return Ok(Exit::Failed);
    }
    let mended = |state: &State| {
        let whole = state.mended();
        Ok(if whole == *state { Vec::new() } else { vec![Record::Restored { state: Box::new(whole) }] })
    };
    edit(context, project.session(), "state repair", mended).await?;
    context.terminal.say(format_args!("Dropped {edges}.\n"));
    Ok(if rest.is_empty() { Exit::Done } else { Exit::Failed })
}

fn shown(damage: &[Damage], tone: Tone, symbol: &str) -> Text {
    let mut text = Text::new();
    for damage in damage.iter().take(SHOWN_MAX) {
        text.line(Line::plain("  ").with(tone, symbol).add(format!(" {damage}")));
    }
    if damage.len() > SHOWN_MAX {
        text.line(Line::plain(format!("    and {} more", damage.len() - SHOWN_MAX)));
    }
    text
}
