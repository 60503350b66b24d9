//! Leave to change things, which is asked for right before each request that does: whether this run still holds the stack.

use crate::{Events, What, World};
use std::{sync::Arc, time::Duration};
use terrane_core::{Class, Error, Progress, Result, Urn};
use terrane_state::{Error as StateError, Journal};

/// How long a run waits that can't show just now that it holds the stack: not as long as others do before they take it over.
const STALE_MAX: Duration = Duration::from_secs(60);
/// How long between two questions.
const PAUSE: Duration = Duration::from_millis(250);

/// Waits until the run may change things; for a sign of life that is late it does so for a while.
///
/// # Errors
/// When the stack is lost, or may be.
pub(crate) async fn permitted(journal: &Arc<dyn Journal>, world: &dyn World, progress: &Progress) -> Result<()> {
    let began_ms = world.clock_ms();
    loop {
        let Err(error) = journal.permit() else { return Ok(()) };
        let waited = Duration::from_millis(world.clock_ms().saturating_sub(began_ms));
        if !is_stale(&error) || waited > STALE_MAX {
            return Err(refused(error).not_applied());
        }
        if waited.is_zero() {
            progress.say("waiting for the store of the state");
        }
        world.sleep(PAUSE).await;
    }
}

/// What a call on a resource says goes to the events, and what it may still change is under the permit of the journal.
pub(crate) fn progress(events: &Events, urn: &Urn, journal: &Arc<dyn Journal>) -> Progress {
    let (events, urn, journal) = (events.clone(), urn.clone(), journal.clone());
    let progress =
        Progress::to(move |text| events.tell(What::StepProgress { urn: urn.clone(), text: text.to_owned() }));
    progress.under(move || journal.permit().map_err(refused))
}

/// A verb can't wait in its middle: where that may help it is called again, from its beginning.
fn refused(error: StateError) -> Error {
    let class = if is_stale(&error) { Class::Conflict } else { Class::Fatal };
    Error::from(error).class(class)
}

fn is_stale(error: &StateError) -> bool {
    matches!(error, StateError::LeaseStale { .. })
}
