//! `state repair`: mends what can be mended without losing anything.

use super::{aside, edit, known_state};
use crate::{
    commands::ask::{Consent, confirm},
    context::Context,
    error::{Error, Result},
    exit::Exit,
    project::Project,
    render::{Line, Text, Tone, units::count},
};
use terrane_core::{Record, State, state::Damage};

/// So many are told.
const SHOWN_MAX: usize = 20;

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Put a state that doesn't load out of the way, whole, so that the stack can begin anew
    #[arg(long)]
    set_aside: bool,
    #[command(flatten)]
    consent: Consent,
}

pub(super) async fn run(context: &Context, project: &Project, arguments: &Args) -> Result<Exit> {
    if arguments.set_aside {
        aside::run(context, project, arguments.consent).await?;
        return Ok(Exit::Done);
    }
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
    confirm(context, &format!("Drop {edges} to what is gone? No object is touched."), arguments.consent).await?;
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
