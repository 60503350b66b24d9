//! Refreshing: state follows the real objects. Looking takes long and holds nothing; what was seen is written only if the state is still the one
//! that it was compared with.

use crate::{Error, Events, PlanOptions, RefreshReport, Session, lock::release, moves, plan::matches, read};
use std::{collections::HashSet, sync::Arc};
use terrane_core::{
    Record, State, Urn,
    state::{Instance, Lineage},
};
use terrane_state::{Error as StateError, Journal};

/// Looking is done over so often when others change the state meanwhile.
const LOOKS_MAX: usize = 5;

/// What looking at real objects has shown, and which state they were compared with.
pub struct Observed {
    /// What was seen.
    pub report: RefreshReport,
    records: Vec<Record>,
    lineage: Lineage,
    seq: u64,
}

impl Session {
    /// Looks at every object, or at those that the options select, and lets state follow what is seen.
    ///
    /// # Errors
    /// As [`Session::observe`] and [`Session::follow`].
    pub async fn refresh(&self, options: &PlanOptions, events: &Events) -> Result<RefreshReport, Error> {
        for _ in 1..LOOKS_MAX {
            match self.follow(self.observe(options, events).await?, events).await {
                Err(Error::Changed { .. }) => {}
                followed => return followed,
            }
        }
        self.follow(self.observe(options, events).await?, events).await
    }

    /// Looks at every object, or at those that the options select. Holds and writes nothing.
    ///
    /// # Errors
    /// When the program fails, the state or a provider can't be read, or a selection names nothing.
    pub async fn observe(&self, options: &PlanOptions, events: &Events) -> Result<Observed, Error> {
        let began_ms = self.world.clock_ms();
        let mut state = self.state().await?.unwrap_or_else(|| State::new(Lineage::default()));
        moves::present(&self.stack, &state)?;
        let patterns = &options.targets;
        if let Some(pattern) = patterns.iter().find(|pattern| !state.live.keys().any(|urn| matches(pattern, urn))) {
            return Err(Error::NoMatch { pattern: pattern.clone(), nearest: None });
        }
        let connections = self.connections(&self.evaluate().await?);
        let (lineage, seq) = (state.lineage.clone(), state.seq);
        // What has an open operation is recovery's to look at: were it forgotten here, the operation could never end.
        let open: HashSet<Urn> = state.pending.values().map(|intent| intent.urn.clone()).collect();
        let chosen = |instance: &Instance| {
            let is_asked_for = patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, &instance.urn));
            is_asked_for && !open.contains(&instance.urn)
        };
        let sight = read::look(&mut state, &connections, chosen, events).await?;
        let took_ms = self.world.clock_ms() - began_ms;
        let report = RefreshReport { drift: sight.drift, looked_at: sight.looked_at, took_ms };
        Ok(Observed { report, records: sight.records, lineage, seq })
    }

    /// Lets state follow what was seen; writes nothing when that is what state says.
    ///
    /// # Errors
    /// [`Error::Changed`] when the state is another one by now; or when it can't be read, locked or written.
    pub async fn follow(&self, observed: Observed, events: &Events) -> Result<RefreshReport, Error> {
        if observed.records.is_empty() {
            return Ok(observed.report);
        }
        let journal = self.open("refresh", events).await?;
        release(&journal, self.follow_under(&journal, observed).await).await
    }

    async fn follow_under(&self, journal: &Arc<dyn Journal>, observed: Observed) -> Result<RefreshReport, Error> {
        let changed = |why: &str| Error::Changed { why: why.to_owned() };
        let state = journal.state();
        if (&state.lineage, state.seq) != (&observed.lineage, observed.seq) {
            return Err(changed("others wrote to it while the objects were looked at"));
        }
        match self.write(journal, "refresh", observed.records).await {
            Ok(_) => Ok(observed.report),
            // Where the first write takes the stack, another's may come before it.
            Err(Error::State(StateError::Locked { .. })) => Err(changed("another process has just taken the stack")),
            Err(error) => Err(error),
        }
    }
}
