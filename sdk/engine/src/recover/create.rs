//! A create of which no end is known: what its kind's service offers decides how it is recognised.

use super::{
    CLOCKS_DIFFER_MAX, Finding, Open, Recoverer, in_flight,
    look::may_pass,
    words::{made_by, names},
};
use crate::execute::{VISIBLE_WITHIN, pause};
use serde_json::{Map, Value};
use std::{collections::BTreeSet, time::Duration};
use terrane_core::{
    AnyKind, Error, Found, Outcome,
    kind::{Finding as Seen, Listing, Recorded, Recovery},
    state::{Cut, Intent},
};

/// How often a create is sent again inside its token's window.
const SENDS_MAX: u32 = 6;

impl Recoverer<'_> {
    pub(super) async fn created(&self, intent: &Intent) -> Result<Finding, Open> {
        let kind = self.kind(intent).await?;
        let late = in_flight(kind.spec());
        match kind.spec().recovery {
            Recovery::Find | Recovery::Name | Recovery::Returns | Recovery::Key => {
                self.found(intent, &*kind, late).await
            }
            Recovery::Tags { settle } => self.found(intent, &*kind, late + settle).await,
            Recovery::Token { window } => match self.sent_again(intent, &*kind, window).await? {
                Some(finding) => Ok(finding),
                None => self.found(intent, &*kind, late + VISIBLE_WITHIN).await,
            },
            Recovery::Unmarked => self.unmarked(intent, &*kind, late).await,
        }
    }

    /// Looks for the object's mark, for as long as it may take to show.
    async fn found(&self, intent: &Intent, kind: &dyn AnyKind, shows_within: Duration) -> Result<Finding, Open> {
        let patience = self.left_of(intent, shows_within);
        let seen: Seen = self.look(kind, intent, &self.creation(intent), patience).await?;
        match seen {
            Found::Ours(outputs) => {
                let text = format!("adopted {}, {}", intent.urn.kind(), made_by(&self.state, intent));
                Ok(self.adopted(intent, kind.spec(), outputs, text))
            }
            Found::Nothing => Ok(self.failed(intent, Cut::NotApplied, "its create had not happened")),
            Found::Another(what) => Err(Open::Undecided(format!("its place is taken by {what}"))),
            Found::Several(ids) => {
                Err(Open::Undecided(format!("{} objects carry its mark: {}", ids.len(), names(&ids))))
            }
            Found::CannotTell => Err(Open::Undecided(format!("{} has no way to look for it", intent.urn.kind()))),
        }
    }

    /// The same request with the same token: it makes the object, or gives back the one that it made before. `None` when the window is over,
    /// or the service refuses.
    async fn sent_again(
        &self,
        intent: &Intent,
        kind: &dyn AnyKind,
        window: Duration,
    ) -> Result<Option<Finding>, Error> {
        let creation = self.creation(intent);
        let mut attempt = 1;
        while self.is_within(intent, window) {
            creation.progress().permit()?;
            let error = match kind.create((*intent.inputs.values).clone(), &creation).await {
                Ok(outputs) => {
                    let text = format!("adopted {} by its token, {}", intent.urn.kind(), made_by(&self.state, intent));
                    return Ok(Some(self.adopted(intent, kind.spec(), outputs, text)));
                }
                Err(error) => error,
            };
            if !may_pass(&error) {
                return Ok(None);
            }
            if attempt == SENDS_MAX {
                // A request that is refused again and again, because what it needs is gone, has no object to give back.
                return if error.outcome() == Outcome::NotApplied { Ok(None) } else { Err(error) };
            }
            self.world.sleep(pause(&**self.world, attempt)).await;
            attempt += 1;
        }
        Ok(None)
    }

    /// Whether the service surely remembers the token still.
    fn is_within(&self, intent: &Intent, window: Duration) -> bool {
        let since_ms = self.world.now_ms().saturating_sub(intent.at_ms).unsigned_abs();
        Duration::from_millis(since_ms) + CLOCKS_DIFFER_MAX < window
    }

    /// Compares what is there with what was there before the create. One new object is deleted: what it showed only once is lost.
    async fn unmarked(&self, intent: &Intent, kind: &dyn AnyKind, late: Duration) -> Result<Finding, Open> {
        let Some(before) = &intent.listed else {
            let why = format!("nothing tells one {} from another", intent.urn.kind());
            return Err(Open::Undecided(why));
        };
        let patience = self.left_of(intent, late);
        let list = || kind.list((*intent.inputs.values).clone());
        let is_there = |listing: &Option<Listing>| {
            listing.as_ref().is_none_or(|listing| !self.fresh(intent, kind, before, listing).is_empty())
        };
        let Some(listing) = self.until(intent, patience, is_there, list).await? else {
            return Err(Open::Undecided(format!("the objects of kind {} can't be listed", intent.urn.kind())));
        };
        match self.fresh(intent, kind, before, &listing).as_slice() {
            [] => Ok(self.failed(intent, Cut::NotApplied, "its create had not happened")),
            [(id, outputs)] => {
                let was = Recorded { inputs: (*intent.inputs.values).clone(), outputs: (*outputs).clone() };
                self.remove(intent, kind, &was).await?;
                let text = format!(
                    "deleted {id}, {}: what it told was lost, so it is made again",
                    made_by(&self.state, intent)
                );
                Ok(self.failed(intent, Cut::NotApplied, text))
            }
            several => {
                let ids: Vec<String> = several.iter().map(|(id, _)| (*id).clone()).collect();
                Err(Open::Undecided(format!("one of {} new objects is it: {}", ids.len(), names(&ids))))
            }
        }
    }

    /// What was not there before the create, and isn't another resource's either.
    fn fresh<'l>(
        &self,
        intent: &Intent,
        kind: &dyn AnyKind,
        before: &BTreeSet<String>,
        listing: &'l Listing,
    ) -> Vec<(&'l String, &'l Map<String, Value>)> {
        let stable: Vec<&str> =
            kind.spec().outputs.iter().filter(|field| field.stable).map(|field| field.name).collect();
        let known = |outputs: &Map<String, Value>| {
            self.state.instances().filter(|instance| instance.urn.kind() == intent.urn.kind()).any(|instance| {
                !stable.is_empty() && stable.iter().all(|name| instance.outputs.get(name) == outputs.get(*name))
            })
        };
        listing.iter().filter(|(id, outputs)| !before.contains(*id) && !known(outputs)).collect()
    }

    /// Deletes, again where that may help: deleting twice is deleting once.
    async fn remove(&self, intent: &Intent, kind: &dyn AnyKind, was: &Recorded) -> Result<(), Error> {
        let progress = self.progress(intent);
        let delete = || async {
            progress.permit()?;
            kind.delete(was.clone(), &progress).await
        };
        self.asking(delete).await
    }
}
