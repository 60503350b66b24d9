//! `state protect` and `state unprotect`: whether a resource may be deleted or replaced.

use super::{known_state, named};
use crate::{context::Context, error::Result, project::Project};
use terrane_core::{Error, Record, state::Kept};

/// What it takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Its label or URN
    resource: String,
}

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    On,
    Off,
}

pub(super) async fn run(context: &Context, project: &Project, of: &Args, protection: Protection) -> Result<()> {
    let state = known_state(project).await?;
    let urn = named(&state, &of.resource)?.0.clone();
    let protected = protection == Protection::On;
    let edit = |state: &terrane_core::State| {
        let gone = || Error::new(format!("{} is not in state any more", urn.label()));
        let instance = state.live.get(&urn).ok_or_else(gone)?;
        if instance.kept.protected == protected {
            return Ok(Vec::new());
        }
        Ok(vec![Record::Noted {
            urn: urn.clone(),
            provider: instance.provider.clone(),
            dependencies: instance.dependencies.clone(),
            kept: Kept { protected, ..instance.kept.clone() },
            site: instance.site.clone(),
        }])
    };
    super::edit(context, project.session(), "state protect", edit).await?;
    let (label, until) = (urn.label(), "until the next `up`: what the program says counts then");
    match protection {
        Protection::On => context.terminal.say(format_args!("{label} is protected {until}.\n")),
        Protection::Off => context.terminal.say(format_args!("{label} is no longer protected {until}.\n")),
    }
    Ok(())
}
