//! What a person knows of an operation that recovery can't decide.

use super::Recoverer;
use crate::{Error, Events, Session, lock::release};
use terrane_core::{
    Error as Problem, Urn,
    state::{Action, Cut, Intent},
};

/// Whether the object exists that a cut-off create was to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It doesn't.
    Absent,
    /// It does, under this id of its own system.
    Exists(String),
}

impl Session {
    /// Ends an open create as a person says; everything else that is open stays so. The next plan goes on from there.
    ///
    /// # Errors
    /// When no create of this resource is open, there is no such object, or the state or the provider can't be reached.
    pub async fn decide(&self, command: &str, urn: &Urn, verdict: &Verdict, events: &Events) -> Result<String, Error> {
        let connections = self.connections(&self.evaluate().await?);
        let journal = self.open(command, events).await?;
        let recoverer = Recoverer::new(self, command, &journal, &connections, events);
        let is_meant = |intent: &&Intent| intent.urn == *urn && intent.action == Action::Create;
        let decided = async {
            let found = match recoverer.state.pending.values().find(is_meant) {
                Some(intent) => recoverer.said(intent, verdict).await.map_err(Error::Provider)?,
                None => return Err(Error::Provider(Problem::new(format!("no create of {} is open", urn.label())))),
            };
            let text = found.text.clone();
            recoverer.conclude(vec![found.record]).await?;
            Ok(text)
        };
        release(&journal, decided.await).await
    }
}

impl Recoverer<'_> {
    async fn said(&self, intent: &Intent, verdict: &Verdict) -> Result<super::Finding, Problem> {
        let Verdict::Exists(id) = verdict else {
            return Ok(self.failed(intent, Cut::NotApplied, "its create had not happened, as a person says"));
        };
        let kind = self.kind(intent).await?;
        let found = self
            .asking(intent, || kind.import(id))
            .await?
            .ok_or_else(|| Problem::new(format!("there is no {} `{id}` to import", intent.urn.kind())).code("T0305"))?;
        let text = format!("adopted {} {id}, as a person says", intent.urn.kind());
        Ok(self.adopted(intent, kind.spec(), found.outputs, text))
    }
}
