//! A create of which no end is known: what its kind's service offers decides how it is recognised.

use super::{
    Finding, Open, Recoverer, in_flight,
    words::{made_by, names},
};
use crate::execute::{VISIBLE_WITHIN, may_pass, pause, permitted};
use serde_json::{Map, Value};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use terrane_core::{
    AnyKind, Error, Found, KindSpec, Outcome,
    kind::{Finding as Seen, Listing, Recorded, Recovery},
    planted::{Bug, planted},
    state::{Cut, Instance, Intent},
};
use terrane_state::CLOCKS_DIFFER_MAX;

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
            Recovery::Tags { .. } if planted(Bug::SettleWindowNotWaited) => {
                self.found(intent, &*kind, Duration::ZERO).await
            }
            Recovery::Tags { settle } => self.found(intent, &*kind, late + settle).await,
            Recovery::Token { window } => match self.calling(intent, self.sent_again(intent, &*kind, window)).await? {
                Some(finding) => Ok(finding),
                None => self.found(intent, &*kind, late + VISIBLE_WITHIN).await,
            },
            Recovery::Unmarked => self.unmarked(intent, &*kind, late).await,
        }
    }

    /// Looks for the object's mark, for as long as it may take to show.
    ///
    /// What has a name or a place that can't exist twice keeps the create out, be it the stack's own object that is to be deleted: when nothing
    /// of the create can arrive any more, it has not happened, and the next one says who is in its way.
    async fn found(&self, intent: &Intent, kind: &dyn AnyKind, shows_within: Duration) -> Result<Finding, Open> {
        let excludes = is_unique(kind.spec(), intent);
        let is_open = |seen: &Seen| matches!(seen, Found::Nothing) || (excludes && matches!(seen, Found::Another(_)));
        let creation = self.creation(intent);
        let find = || kind.find((*intent.inputs.values).clone(), &creation);
        let patience = self.left_of(intent, shows_within);
        match self.until(intent, patience, |seen| !is_open(seen), find).await? {
            Found::Ours(outputs) => {
                let text = format!("adopted {}, {}", intent.urn.kind(), made_by(&self.state, intent));
                Ok(self.adopted(intent, kind.spec(), outputs, text))
            }
            Found::Nothing => Ok(self.failed(intent, Cut::NotApplied, "its create had not happened")),
            Found::Another(what) if excludes => {
                let text = format!("its create had not happened: its place is taken by {what}");
                Ok(self.failed(intent, Cut::NotApplied, text))
            }
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
            permitted(self.journal, &**self.world, creation.progress()).await?;
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
            [(id, _)] if !self.tells_apart(intent, kind) => {
                let why = format!("nothing tells whether {id} is it or another {} of the stack", intent.urn.kind());
                Err(Open::Undecided(why))
            }
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
        let stable: Vec<&str> = stable(kind.spec()).collect();
        let known = |outputs: &Map<String, Value>| {
            self.siblings(intent).any(|instance| {
                !stable.is_empty() && stable.iter().all(|name| instance.outputs.get(name) == outputs.get(*name))
            })
        };
        listing.iter().filter(|(id, outputs)| !before.contains(*id) && !known(outputs)).collect()
    }

    /// Whether a new object can't be one that the stack has already: another create may have ended well after both had listed.
    fn tells_apart(&self, intent: &Intent, kind: &dyn AnyKind) -> bool {
        stable(kind.spec()).next().is_some() || self.siblings(intent).next().is_none()
    }

    /// The stack's objects of the same kind.
    fn siblings(&self, intent: &Intent) -> impl Iterator<Item = &Arc<Instance>> {
        self.state.instances().filter(|instance| instance.urn.kind() == intent.urn.kind())
    }

    /// Deletes, again where that may help: deleting twice is deleting once.
    async fn remove(&self, intent: &Intent, kind: &dyn AnyKind, was: &Recorded) -> Result<(), Error> {
        let progress = self.progress(intent);
        let delete = || async {
            permitted(self.journal, &**self.world, &progress).await?;
            kind.delete(was.clone(), &progress).await
        };
        self.asking(intent, delete).await
    }
}

/// The outputs by which an object is known for as long as it lives.
fn stable(spec: &KindSpec) -> impl Iterator<Item = &'static str> {
    spec.outputs.iter().filter(|field| field.stable).map(|field| field.name)
}

/// Whether no two objects can be what a create was to make.
fn is_unique(spec: &KindSpec, intent: &Intent) -> bool {
    let is_named = || spec.inputs.iter().any(|field| field.physical_name && intent.inputs.get(field.name).is_some());
    matches!(spec.recovery, Recovery::Name | Recovery::Returns | Recovery::Key) || is_named()
}
