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

use crate::{
    Error, Events, Session, Undecided, What, World,
    execute::{Connections, progress},
    lock::release,
    write::commit,
};
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};
use terrane_core::{
    AnyKind, Creation, Progress, Properties, Record, Stack, State,
    failpoint::{Point, reach},
    kind::{KindSpec, Recovery},
    secret::redact,
    state::{Action, Cut, Done, Failed, Intent, RunEnd, RunStart},
};
use terrane_state::Journal;

/// How many operations are looked at together.
const TOGETHER: usize = 64;

impl Session {
    /// Brings the operations and moves that a crashed run or command left open to their end; says what was found. Nothing is locked or
    /// written when there are none.
    ///
    /// # Errors
    /// When an operation can't be decided without a person, after all others have found their end: [`Session::decide`]. Or when the state
    /// or a provider can't be read.
    pub async fn recover(&self, command: &str, events: &Events) -> Result<Vec<String>, Error> {
        let Some(state) = self.state().await? else { return Ok(Vec::new()) };
        self.settle(&state, None, command, events).await
    }

    /// The same for a state that has been read just now, with the program, where that has run already.
    pub(crate) async fn settle(
        &self,
        state: &State,
        stack: Option<&Stack>,
        command: &str,
        events: &Events,
    ) -> Result<Vec<String>, Error> {
        let mut found = self.finish_moves(state, command, events).await?;
        if state.pending.is_empty() {
            return Ok(found);
        }
        let connections = match stack {
            Some(stack) => self.connections(stack),
            None => self.connections(&self.evaluate().await?),
        };
        let journal = self.open(command, events).await?;
        let recovered = Recoverer::new(self, command, &journal, &connections, events).run().await;
        found.extend(release(&journal, recovered).await?);
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
    /// When the journal was opened, by the world's clock.
    opened_ms: u64,
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

impl<'a> Recoverer<'a> {
    fn new(
        session: &'a Session,
        command: &str,
        journal: &'a Arc<dyn Journal>,
        connections: &'a Connections,
        events: &'a Events,
    ) -> Self {
        let world = &session.world;
        let (start, state, opened_ms) = (session.start(command, ""), journal.state(), world.clock_ms());
        Self { journal, connections, world, events, start, state, opened_ms }
    }
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
        self.write(vec![Record::RunEnd(RunEnd::done(self.world.now_ms()))], recovered).await?;
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
                let (urn, site, why) = (intent.urn.clone(), intent.site.clone(), redact(&why).into_owned());
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
        Ok(commit(self.journal, &mut recovered.state, records).await?)
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
        self.calling(intent, self.connections.kind(&intent.provider, &settings, intent.urn.kind())).await
    }

    /// The create that an intent speaks of, as its kind is to see it. What it changes is under the permit of this run.
    fn creation(&self, intent: &Intent) -> Creation {
        Creation::new(intent.urn.clone(), intent.op.clone(), self.progress(intent))
    }

    fn progress(&self, intent: &Intent) -> Progress {
        progress(self.events, &intent.urn, self.journal)
    }

    fn failed(&self, intent: &Intent, cut: Cut, text: impl Into<String>) -> Finding {
        // A provider's words may be among them.
        let (text, at_ms) = (redact(&text.into()).into_owned(), self.world.now_ms());
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
