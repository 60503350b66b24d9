//! A provider's connection to the cloud: each request goes over the wire, and each that changes something is written down.

use super::{Call, Cloud, Delivery, Entry, Habit, Leg, Refusal, Reply, Request, SERVED, Verb};
use std::time::Duration;
use terrane::{Class, Error, Progress, Result};

/// What the cloud says, once its reply has arrived.
pub(super) type Answer = Result<Reply, Refusal>;

/// A connection.
pub struct Client(Cloud);

impl Client {
    pub(super) fn to(name: &str) -> Result<Self> {
        let cloud = SERVED.with_borrow(|served| served.get(name).cloned());
        cloud.map(Self).ok_or_else(|| Error::new(format!("nobody serves the cloud `{name}` in this thread")))
    }

    /// Sends a request that changes nothing.
    pub(super) async fn ask(&self, habit: Habit, request: Request) -> Result<Answer> {
        self.first(habit, request, &Progress::default()).await
    }

    /// Sends a later request of a verb, if this process still may.
    pub(super) async fn next(&self, habit: Habit, request: Request, progress: &Progress) -> Result<Answer> {
        progress.permit().map_err(Error::not_applied)?;
        self.first(habit, request, progress).await
    }

    /// Sends the first request of a verb: the engine has just asked whether it may.
    pub(super) async fn first(&self, habit: Habit, request: Request, progress: &Progress) -> Result<Answer> {
        let entry = self.entry(habit, &request, progress);
        let Entry { verb, ref op, ref id, ref urn, permitted, .. } = entry;
        let call = |leg| Call { leg, verb, habit, op, id, urn, permitted };
        let sent = self.0.wire.send(call(Leg::Request));
        if verb.mutates() {
            self.0.inner().log.push(entry.clone());
        }
        let answer = match sent.await {
            Delivery::Through => self.0.carry_out(request),
            Delivery::Twice => {
                let answer = self.0.carry_out(request.clone());
                // The second one's reply goes nowhere.
                drop(self.0.carry_out(request));
                answer
            }
            Delivery::Again(after) => {
                let answer = self.0.carry_out(request.clone());
                // Of a request that was refused, the second one is refused, too: a sender that is told so has done with it.
                if answer.is_ok() {
                    self.later(request, after);
                }
                answer
            }
            Delivery::Late(after) => {
                self.later(request, after);
                return Err(broken());
            }
            Delivery::Lost => return Err(broken()),
            Delivery::Throttled => {
                return Err(Error::new("429 SlowDown").class(Class::Throttled { after: None }).not_applied());
            }
            Delivery::Denied => {
                let help = "give the role the permission that is missing";
                return Err(Error::new("403 AccessDenied").help(help).not_applied());
            }
        };
        match self.0.wire.send(call(Leg::Reply)).await {
            Delivery::Through => Ok(answer),
            _ => Err(broken()),
        }
    }

    fn entry(&self, habit: Habit, request: &Request, progress: &Progress) -> Entry {
        let inner = self.0.inner();
        let (verb, id) = match request {
            Request::Create { .. } => (Verb::Create, None),
            Request::Read { id } => (Verb::Read, Some(id)),
            Request::Describe { .. } => (Verb::Read, None),
            Request::Search { .. } => (Verb::Search, None),
            Request::List { .. } => (Verb::List, None),
            Request::Update { id, .. } => (Verb::Update, Some(id)),
            Request::Delete { id } => (Verb::Delete, Some(id)),
            Request::DeleteNamed { habit, place } => (Verb::Delete, inner.service.holder(*habit, place)),
        };
        let maker = match request {
            Request::Create { maker, .. } => Some(maker),
            _ => id.and_then(|id| inner.service.maker(id)),
        };
        let (op, urn) = maker.map(|maker| (maker.op.clone(), maker.urn.clone())).unwrap_or_default();
        let (at_ms, permitted) = (self.0.world.now_ms(), progress.permit().is_ok());
        Entry { at_ms, verb, habit, id: id.cloned().unwrap_or_default(), op, urn, permitted }
    }

    fn later(&self, request: Request, after: Duration) {
        let at_ms = self.0.world.now_ms() + i64::try_from(after.as_millis()).unwrap_or(i64::MAX / 2);
        self.0.inner().late.push((at_ms, request));
    }
}

/// All that a sender knows when a connection breaks.
fn broken() -> Error {
    Error::new("the connection broke before a reply came")
}

/// A refusal, with what the engine has to know of it.
pub(super) fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Exists => Error::new("409 AlreadyExists"),
        Refusal::Differs => Error::new("409 it exists with other settings"),
        Refusal::TokenMismatch => Error::new("400 the token was used with other settings"),
        Refusal::NotVisible(id) => Error::new(format!("400 {id} does not exist")).class(Class::NotVisibleYet),
        Refusal::Missing => Error::new("404 NotFound"),
    }
    .not_applied()
}
