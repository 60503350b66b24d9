//! After a crash: brings every operation that was open to its end, before anything else is planned.
//!
//! Each finding is committed as it becomes known, so a crash in here leaves the rest open and what is known known. A finding says what is
//! there, never what ought to be: recovering twice finds nothing the second time.

mod create;
mod delete;
mod look;
mod verdict;
mod words;

pub use verdict::Verdict;

use crate::{Error, Events, Session, Undecided, What, World, execute::Connections};
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};
use terrane_core::{
    AnyKind, Creation, Progress, Properties, Record, State,
    failpoint::{Point, reach},
    kind::{KindSpec, Recorded, Recovery},
    state::{Action, Cut, Done, Failed, Instance, Intent, RunEnd, RunStart},
};
use terrane_state::Journal;

/// How many operations are looked at together.
const TOGETHER: usize = 64;

/// How much the clocks of two machines may differ. A time that another process wrote down is trusted no more than that.
const CLOCKS_DIFFER_MAX: Duration = Duration::from_secs(300);

impl Session {
    /// Brings the operations and moves that a crashed run or command left open to their end; says what was found. Nothing is locked or
    /// written when there are none.
    ///
    /// # Errors
    /// When an operation can't be decided without a person, after all others have found their end: [`Session::decide`]. Or when the state
    /// or a provider can't be read.
    pub async fn recover(&self, command: &str, events: &Events) -> Result<Vec<String>, Error> {
        let mut found = self.finish_moves(command, events).await?;
        if self.state().await?.is_none_or(|state| state.pending.is_empty()) {
            return Ok(found);
        }
        let connections = self.connections(&self.evaluate().await?);
        let journal = self.open(command, events).await?;
        let recoverer = Recoverer {
            connections: &connections,
            world: &self.world,
            events,
            start: self.start(command, ""),
            state: journal.state(),
            journal: &journal,
        };
        let recovered = recoverer.run().await;
        journal.close().await?;
        found.extend(recovered?);
        Ok(found)
    }
}

/// What recovery works with.
struct Recoverer<'a> {
    journal: &'a Arc<dyn Journal>,
    connections: &'a Connections,
    world: &'a Arc<dyn World>,
    events: &'a Events,
    start: RunStart,
    /// The state as the crashed run left it.
    state: State,
}

/// The end of one operation.
struct Finding {
    record: Record,
    text: String,
}

/// Why an operation stays open.
enum Open {
    /// A person has to say what is so, and why.
    Undecided(String),
    /// Something could not be asked.
    Failed(terrane_core::Error),
}

impl From<terrane_core::Error> for Open {
    fn from(error: terrane_core::Error) -> Self {
        Self::Failed(error)
    }
}

/// What recovery of all of them found.
#[derive(Default)]
struct Recovered {
    texts: Vec<String>,
    undecided: Vec<Undecided>,
    failed: Option<Error>,
    /// The state with what is durable by now.
    state: State,
    begun: bool,
}

impl Recoverer<'_> {
    /// Works out the end of each open operation, and writes it down.
    ///
    /// # Errors
    /// When an operation stays open, after all others have been brought to their ends; or when the journal can't be written.
    async fn run(&self) -> Result<Vec<String>, Error> {
        let mut recovered = Recovered { state: self.state.clone(), ..Recovered::default() };
        let settling = self.state.pending.values().cloned().map(|intent| self.settled(intent));
        let mut settled = stream::iter(settling).buffer_unordered(TOGETHER).ready_chunks(TOGETHER);
        while let Some(ends) = settled.next().await {
            let records =
                ends.into_iter().filter_map(|(intent, end)| self.take(&intent, end, &mut recovered)).collect();
            self.write(records, &mut recovered).await?;
        }
        self.end(&mut recovered).await?;
        match recovered {
            Recovered { undecided, .. } if !undecided.is_empty() => Err(Error::Undecided(undecided)),
            Recovered { failed: Some(error), .. } => Err(error),
            Recovered { texts, .. } => Ok(texts),
        }
    }

    /// Writes what is known without looking.
    async fn conclude(&self, records: Vec<Record>) -> Result<(), Error> {
        let mut recovered = Recovered { state: self.state.clone(), ..Recovered::default() };
        self.write(records, &mut recovered).await?;
        self.end(&mut recovered).await
    }

    async fn end(&self, recovered: &mut Recovered) -> Result<(), Error> {
        if !recovered.begun {
            return Ok(());
        }
        let end = RunEnd { result: "done".to_owned(), at_ms: self.world.now_ms(), ..RunEnd::default() };
        self.write(vec![Record::RunEnd(end)], recovered).await?;
        Ok(self.journal.seal(&recovered.state).await?)
    }

    fn take(&self, intent: &Intent, end: Result<Finding, Open>, recovered: &mut Recovered) -> Option<Record> {
        match end {
            Ok(Finding { record, text }) => {
                reach(Point::RecoveryFound);
                self.events.tell(What::Recovered { urn: intent.urn.clone(), text: text.clone() });
                recovered.texts.push(format!("{}: {text}", intent.urn.label()));
                return Some(record);
            }
            Err(Open::Undecided(why)) => {
                let (urn, site) = (intent.urn.clone(), intent.site.clone());
                recovered.undecided.push(Undecided { urn, site, why });
            }
            Err(Open::Failed(error)) => {
                let error = error.context(format!("looking for {}", intent.urn.label()));
                recovered.failed.get_or_insert(Error::Provider(error));
            }
        }
        None
    }

    async fn write(&self, mut records: Vec<Record>, recovered: &mut Recovered) -> Result<(), Error> {
        if records.is_empty() {
            return Ok(());
        }
        if !recovered.begun {
            recovered.begun = true;
            records.insert(0, Record::RunStart(self.start.clone()));
        }
        for record in &records {
            recovered.state.apply(record).map_err(terrane_state::Error::from)?;
        }
        Ok(self.journal.commit(records).await?)
    }

    async fn settled(&self, intent: Intent) -> (Intent, Result<Finding, Open>) {
        let end = self.settle(&intent).await;
        (intent, end)
    }

    async fn settle(&self, intent: &Intent) -> Result<Finding, Open> {
        match intent.action {
            Action::Create => self.created(intent).await,
            Action::Delete => self.deleted(intent).await,
            // The next plan compares and updates, once the cut-off update can no longer arrive after it.
            Action::Update => {
                let still = self.connections.kind_spec(intent.urn.kind()).map_or(Duration::ZERO, in_flight);
                self.wait(intent, self.left_of(intent, still)).await;
                Ok(self.failed(intent, Cut::Superseded, "its update was cut off and will be done again"))
            }
            Action::Import => Ok(self.failed(intent, Cut::NotApplied, "its import was cut off and will be done again")),
        }
    }

    async fn kind(&self, intent: &Intent) -> Result<Arc<dyn AnyKind>, terrane_core::Error> {
        let provider = self.state.providers.get(&intent.provider);
        let settings: Map<String, Value> = provider.map(|provider| provider.settings.clone()).unwrap_or_default();
        self.connections.kind(&intent.provider, &settings, intent.urn.kind()).await
    }

    /// The create that an intent speaks of, as its kind is to see it. What it changes is under the permit of this run.
    fn creation(&self, intent: &Intent) -> Creation {
        Creation::new(intent.urn.clone(), intent.op.clone(), self.progress(intent))
    }

    fn progress(&self, intent: &Intent) -> Progress {
        let (events, urn, journal) = (self.events.clone(), intent.urn.clone(), self.journal.clone());
        let progress =
            Progress::to(move |text| events.tell(What::StepProgress { urn: urn.clone(), text: text.to_owned() }));
        progress.under(move || journal.permit().map_err(terrane_core::Error::from))
    }

    fn failed(&self, intent: &Intent, cut: Cut, text: impl Into<String>) -> Finding {
        let (text, at_ms) = (text.into(), self.world.now_ms());
        let failed = Failed { op: intent.op.clone(), cut, message: text.clone(), at_ms };
        Finding { record: Record::Failed(failed), text }
    }

    fn adopted(&self, intent: &Intent, spec: &KindSpec, outputs: Map<String, Value>, text: String) -> Finding {
        let mut secret = intent.secret_outputs.clone();
        secret.extend(spec.outputs.iter().filter(|field| field.secret).map(|field| field.name.to_owned()));
        // Whether it ever became ready isn't known: the next plan updates it, which waits for that.
        let (outputs, at_ms) = (Properties::new(outputs, secret), self.world.now_ms());
        let done = Done { op: intent.op.clone(), outputs, unsettled: true, at_ms };
        Finding { record: Record::Adopted(done), text }
    }
}

/// How long after its process a request may arrive. A kind that says nothing of recovery is taken at its word at once.
fn in_flight(spec: &KindSpec) -> Duration {
    if spec.recovery == Recovery::Find { Duration::ZERO } else { spec.in_flight }
}

fn recorded(instance: &Instance) -> Recorded {
    Recorded { inputs: (*instance.inputs.values).clone(), outputs: (*instance.outputs.values).clone() }
}
