//! After a crash: brings every operation that was open to its end, before anything else is planned.

use crate::{Error, Events, What, World, execute::Connections};
use std::sync::Arc;
use terrane_core::{
    Creation, Found, Progress, Properties, Record, State,
    state::{Action, Cut, Done, Failed, Intent},
};

/// What recovery of one operation found.
struct Finding {
    record: Record,
    text: String,
}

/// What recovery of all of them found.
#[derive(Default)]
pub(crate) struct Recovery {
    /// The ends that are clear.
    pub records: Vec<Record>,
    /// The same for people.
    pub texts: Vec<String>,
    /// The first one that isn't.
    pub undecided: Option<Error>,
}

/// Works out the end of each open operation. The records are not applied yet.
pub(crate) async fn recover(
    state: &State,
    connections: &Connections,
    world: &Arc<dyn World>,
    events: &Events,
) -> Recovery {
    let mut recovery = Recovery::default();
    for intent in state.pending.values() {
        match settle(state, intent, connections, world).await {
            Ok(finding) => {
                events.tell(What::Recovered { urn: intent.urn.clone(), text: finding.text.clone() });
                recovery.records.push(finding.record);
                recovery.texts.push(format!("{}: {}", intent.urn.label(), finding.text));
            }
            Err(error) => drop(recovery.undecided.get_or_insert(error)),
        }
    }
    recovery
}

async fn settle(
    state: &State,
    intent: &Intent,
    connections: &Connections,
    world: &Arc<dyn World>,
) -> Result<Finding, Error> {
    let at_ms = world.now_ms();
    let not_applied = |message: &str| {
        let failed = Failed { op: intent.op.clone(), cut: Cut::NotApplied, message: message.to_owned(), at_ms };
        Finding { record: Record::Failed(failed), text: message.to_owned() }
    };
    match intent.action {
        // The next plan compares and updates; what state says stays true until then.
        Action::Update => {
            let message = intent.outlook();
            let failed = Failed { op: intent.op.clone(), cut: Cut::Unknown, message: message.clone(), at_ms };
            Ok(Finding { record: Record::Failed(failed), text: message })
        }
        // The object is still in state, so the next plan deletes it again; a delete of what is gone succeeds.
        Action::Delete | Action::Import => Ok(not_applied(&intent.outlook())),
        Action::Create => created(state, intent, connections, at_ms, not_applied).await,
    }
}

async fn created(
    state: &State,
    intent: &Intent,
    connections: &Connections,
    at_ms: i64,
    not_applied: impl Fn(&str) -> Finding,
) -> Result<Finding, Error> {
    let settings = state.providers.get(&intent.provider).map(|provider| provider.settings.clone()).unwrap_or_default();
    let kind = connections.kind(&intent.provider, &settings, intent.urn.kind()).await.map_err(Error::Provider)?;
    let creation = Creation::new(intent.urn.clone(), intent.op.clone(), Progress::default());
    let found = kind.find((*intent.inputs.values).clone(), &creation).await;
    match found.map_err(|error| Error::Provider(error.context(format!("looking for {}", intent.urn.label()))))? {
        Found::Ours(outputs) => {
            let mut secret = intent.secret_outputs.clone();
            secret.extend(kind.spec().outputs.iter().filter(|field| field.secret).map(|field| field.name.to_owned()));
            let outputs = Properties::new(outputs, secret);
            // Whether it ever became ready isn't known: the next plan updates it, which waits for that.
            let done = Done { op: intent.op.clone(), outputs, unsettled: true, at_ms };
            Ok(Finding {
                record: Record::Adopted(done),
                text: format!("adopted {}, which the cut-off run had made", intent.urn.kind()),
            })
        }
        Found::Nothing => Ok(not_applied("its create had not happened")),
        Found::Another(what) => Err(undecided(intent, format!("its place is taken by {what}"))),
        Found::CannotTell => Err(undecided(intent, format!("{} has no way to look for it", intent.urn.kind()))),
    }
}

fn undecided(intent: &Intent, why: String) -> Error {
    Error::Undecided { urn: intent.urn.clone(), site: intent.site.clone(), why }
}
