//! Calls to providers: time limits, retries and readiness around the verbs. Nothing here touches the run's own state.

use super::{
    ask::{asking, pause},
    connect::Connections,
    limits::Limits,
    permit::{permitted, progress},
    task::Begun,
};
use crate::{Events, What, World, panics::catch_in};
use futures_util::future::{Either, select};
use petgraph::graph::NodeIndex;
use serde_json::{Map, Value};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use terrane_core::{
    AnyKind, Class, Creation, Error, Hook, OpId, Outcome, Progress, Result, Urn, When,
    failpoint::{Point, reach},
    hook::Event,
    kind::{Recorded, Recovery},
    planted::{Bug, planted},
    state::{Action, Lineage},
};
use terrane_state::Journal;

/// What calls need of the run.
pub(crate) struct Calls {
    pub world: Arc<dyn World>,
    pub journal: Arc<dyn Journal>,
    pub events: Events,
    pub connections: Connections,
    pub limits: Limits,
}

/// The end of a call.
pub(crate) struct Ended {
    pub task: NodeIndex,
    pub begun: Begun,
    pub result: Result<Made>,
    pub took_ms: u64,
}

/// What a successful call leaves.
pub(crate) struct Made {
    /// The inputs as the provider has them, where the call was an import.
    pub inputs: Option<Map<String, Value>>,
    pub outputs: Map<String, Value>,
    /// Whether the object became ready.
    pub ready: Result<()>,
}

/// How long a dependency may take to become visible.
pub(crate) const VISIBLE_WITHIN: Duration = Duration::from_secs(120);
/// How often a create is sent again whose reply got lost, where its token makes that harmless.
const SENDS_MAX: u32 = 4;

/// What came of work beside the loop.
pub(crate) enum Came {
    /// A call has ended.
    Ended(Ended),
    /// What a create could be mistaken for is known, and it may begin.
    Listed(Begun, Result<Option<BTreeSet<String>>>),
}

impl Calls {
    /// Carries out one call, attempts and readiness included. A panic of the provider's is a failure like any other.
    pub(crate) async fn perform(self: Arc<Self>, begun: Begun) -> Came {
        let since = self.world.clock_ms();
        let provider = begun.intent.urn.provider().to_owned();
        let verb = begun.intent.action.verb().to_owned();
        self.events.tell(What::StepStarted { urn: begun.intent.urn.clone(), verb, usual_ms: begun.usual_ms });
        let called = survive(self.attempts(&begun, &provider));
        let called = within(&*self.world, begun.limit, begun.limit, called).await;
        let result = match called {
            Ok((kind, made)) => {
                let left = begun.limit.saturating_sub(Duration::from_millis(self.world.clock_ms() - since));
                let settled = survive(self.settle(&begun, &*kind, &made));
                let ready = within(&*self.world, left, begun.limit, settled).await;
                Ok(Made { ready, ..made })
            }
            Err(error) => Err(error),
        };
        self.limits.ended(&provider);
        Came::Ended(Ended { task: begun.task, begun, result, took_ms: self.world.clock_ms() - since })
    }

    /// Lists what a create could be mistaken for, before it: a question, which may be put again.
    pub(crate) async fn list(self: Arc<Self>, begun: Begun) -> Came {
        let listing = async {
            let intent = &begun.intent;
            let kind = self.connections.kind(&intent.provider, &begun.settings, intent.urn.kind()).await?;
            let listing = asking(&*self.world, || kind.list((*intent.inputs.values).clone())).await?;
            Ok(listing.map(|listing| listing.into_keys().collect()))
        };
        let listed = within(&*self.world, begun.limit, begun.limit, survive(listing)).await;
        let listed = listed.map_err(Error::not_applied);
        Came::Listed(begun, listed)
    }

    /// The call itself, tried again where that may help.
    async fn attempts(&self, begun: &Begun, provider: &str) -> Result<(Arc<dyn AnyKind>, Made)> {
        let urn = &begun.intent.urn;
        // Without a connection nothing was called.
        let connected = self.connections.kind(&begun.intent.provider, &begun.settings, urn.kind()).await;
        let kind = connected.map_err(Error::not_applied)?;
        self.hooks(begun, before(begun.intent.action), &begun.was.outputs).await.map_err(Error::not_applied)?;
        let (began, mut attempt) = (self.world.clock_ms(), 1u32);
        // Once an attempt may have changed something, no later one can say that nothing was changed.
        let mut unclear = false;
        let told = |error: Error, unclear| if unclear { error.may_be_applied() } else { error };
        loop {
            if attempt == 1 || !planted(Bug::PermitNotAskedOnRetries) {
                self.permit(urn).await.map_err(|error| told(error, unclear))?;
            }
            let error = match self.once(begun, &*kind).await {
                Ok(made) => {
                    reach(Point::AfterCall);
                    return Ok((kind, made));
                }
                Err(error) => error,
            };
            unclear |= error.outcome() == Outcome::Unknown;
            let since = Duration::from_millis(self.world.clock_ms() - began);
            let harmless = is_harmless(begun.intent.action, kind.spec().recovery, since) && attempt < SENDS_MAX;
            let Some(wait) = self.next_pause(&error, attempt, since, harmless) else {
                return Err(told(error, unclear));
            };
            if matches!(error.kind(), Class::Throttled { .. }) {
                self.limits.throttled(provider);
            }
            attempt += 1;
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            self.events.tell(What::StepRetried { urn: urn.clone(), attempt, wait_ms, message: error.to_string() });
            self.world.sleep(wait).await;
        }
    }

    /// Readiness and the hooks after the call.
    async fn settle(&self, begun: &Begun, kind: &dyn AnyKind, made: &Made) -> Result<()> {
        if matches!(begun.intent.action, Action::Create | Action::Update) {
            let inputs = (*begun.intent.inputs.values).clone();
            kind.wait(Recorded { inputs, outputs: made.outputs.clone() }, &self.progress(&begun.intent.urn)).await?;
        }
        self.hooks(begun, after(begun.intent.action), &made.outputs).await
    }

    async fn once(&self, begun: &Begun, kind: &dyn AnyKind) -> Result<Made> {
        let intent = &begun.intent;
        let progress = self.progress(&intent.urn);
        let inputs = (*intent.inputs.values).clone();
        let made = |outputs| Made { inputs: None, outputs, ready: Ok(()) };
        match intent.action {
            Action::Create => {
                let op =
                    if planted(Bug::OpIdMintedInRetryLoop) { self.another(&intent.urn) } else { intent.op.clone() };
                let creation = Creation::new(intent.urn.clone(), op, progress);
                kind.create(inputs, &creation).await.map(made)
            }
            Action::Update => kind.update(inputs, begun.was.clone(), &progress).await.map(made),
            Action::Delete => kind.delete(begun.was.clone(), &progress).await.map(|()| made(Map::new())),
            Action::Import => {
                let id = begun.import.as_deref().unwrap_or_default();
                let found = kind.import(id).await?.ok_or_else(|| {
                    Error::new(format!("there is no {} `{id}` to import", intent.urn.kind()))
                        .code("T0305")
                        .not_applied()
                })?;
                Ok(Made { inputs: Some(found.inputs), outputs: found.outputs, ready: Ok(()) })
            }
        }
    }

    /// Waits until this run may change things.
    async fn permit(&self, urn: &Urn) -> Result<()> {
        permitted(&self.journal, &*self.world, &self.progress(urn)).await
    }

    fn progress(&self, urn: &Urn) -> Progress {
        progress(&self.events, urn, &self.journal)
    }

    /// How long to pause before the next attempt; none when there is no point in one.
    fn next_pause(&self, error: &Error, attempt: u32, since: Duration, harmless: bool) -> Option<Duration> {
        let asked = match error.kind() {
            Class::Fatal if harmless && error.outcome() == Outcome::Unknown => None,
            Class::Fatal => return None,
            Class::NotVisibleYet if since > VISIBLE_WITHIN => return None,
            Class::NotVisibleYet | Class::Conflict => None,
            Class::Throttled { after } => after,
        };
        let jittered = pause(&*self.world, attempt);
        Some(asked.map_or(jittered, |asked| asked.max(jittered)))
    }

    /// An id that no other attempt has.
    fn another(&self, urn: &Urn) -> OpId {
        OpId::mint(&Lineage::default(), urn, self.world.random())
    }

    async fn hooks(&self, begun: &Begun, when: Option<When>, outputs: &Map<String, Value>) -> Result<()> {
        let Some(when) = when else { return Ok(()) };
        for hook in begun.hooks.iter().filter(|hook: &&Hook| hook.when() == when) {
            // What it does may be under the stack's lock, too.
            self.permit(&begun.intent.urn).await?;
            let event = Event { urn: begun.intent.urn.clone(), when, outputs: Arc::new(outputs.clone()) };
            hook.call(event).await.map_err(|error| error.context(format!("hook {when:?}")))?;
        }
        Ok(())
    }
}

/// Whether a request may be sent again although it may have been carried out: the service surely remembers its token still.
fn is_harmless(action: Action, recovery: Recovery, since: Duration) -> bool {
    matches!(recovery, Recovery::Token { window } if action == Action::Create && since < window / 2)
        || (action == Action::Create && planted(Bug::CreateSentAgainWithoutToken))
}

/// Does work in what is left of its time limit.
pub(crate) async fn within<T>(
    world: &dyn World,
    left: Duration,
    limit: Duration,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let (work, clock) = (std::pin::pin!(work), world.sleep(left));
    match select(work, clock).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => {
            let message = format!("took longer than {} s", limit.as_secs_f32());
            let help = "give it more time with `.timeout(..)`; the next `up` looks at what has become of it";
            Err(Error::new(message).code("T0304").help(help))
        }
    }
}

/// A panic as the failure of which nothing else is known.
pub(crate) async fn survive<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    catch_in(call).await.unwrap_or_else(|panic| {
        let message = format!("the provider panicked{panic}");
        Err(Error::new(message).help("report this to the author of the provider").code("T0309"))
    })
}

fn before(action: Action) -> Option<When> {
    match action {
        Action::Create => Some(When::BeforeCreate),
        Action::Update => Some(When::BeforeUpdate),
        Action::Delete => Some(When::BeforeDelete),
        Action::Import => None,
    }
}

fn after(action: Action) -> Option<When> {
    match action {
        Action::Create => Some(When::AfterCreate),
        Action::Update => Some(When::AfterUpdate),
        Action::Delete => Some(When::AfterDelete),
        Action::Import => None,
    }
}
