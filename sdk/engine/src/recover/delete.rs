//! A delete of which no end is known: whether the object is still there.

use super::{Finding, Open, Recoverer, in_flight};
use terrane_core::{
    Properties, Record,
    state::{Cut, Done, Intent},
};

impl Recoverer<'_> {
    /// A program that has changed its mind since must not find an object in state that is gone.
    pub(super) async fn deleted(&self, intent: &Intent) -> Result<Finding, Open> {
        let again = "its delete was cut off: it is still there";
        let Some(instance) = intent.target.as_ref().and_then(|target| self.state.made_by(target)) else {
            return Ok(self.failed(intent, Cut::NotApplied, again));
        };
        let kind = self.kind(intent).await?;
        let patience = self.left_of(intent, in_flight(kind.spec()));
        let read = || kind.read((&**instance).into());
        if self.until(intent, patience, Option::is_none, read).await?.is_some() {
            return Ok(self.failed(intent, Cut::NotApplied, again));
        }
        let (outputs, at_ms) = (Properties::default(), self.world.now_ms());
        let done = Done { op: intent.op.clone(), outputs, unsettled: false, at_ms };
        Ok(Finding { record: Record::Done(done), text: "its delete had been done".to_owned() })
    }
}
