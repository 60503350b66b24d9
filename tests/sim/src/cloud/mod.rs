//! A cloud in memory, with the habits of real ones: client tokens with a window, unique names, creates that return what exists, lists that
//! lag behind, objects that can't be told apart. Its provider is written as a careful author would write one.
//!
//! Everything a checker asks for is on [`Cloud`]; what goes wrong between provider and cloud is up to a [`Wire`].

mod client;
mod kinds;
mod object;
mod service;
mod wire;

pub use kinds::{AccessKey, Bucket, Network, Queue, Route, Server, Settings, Sky, Told, ToldHandle, declare};
pub use object::{Fields, Habit, Mark, Object};
pub use wire::{Call, Delivery, Leg, Perfect, Verb, Wire};

use service::{Moment, Refusal, Reply, Request, Service};
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use terrane_state::World;

/// How long the services remember a client token.
pub const TOKEN_WINDOW: Duration = Duration::from_secs(600);

/// How long an object may be missing from lists.
pub const SETTLE: Duration = Duration::from_secs(60);

/// How far behind the cloud may be with itself; how far it is with one object is drawn from the world's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lags {
    /// Until lists show a new object; at most [`SETTLE`].
    pub listed: Duration,
    /// Until other objects can refer to a new object.
    pub visible: Duration,
}

/// A request that changes something, as it left a process.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When, in milliseconds of Unix time.
    pub at_ms: i64,
    /// What it asks for.
    pub verb: Verb,
    /// Of which kind.
    pub habit: Habit,
    /// The object; empty for a create.
    pub id: String,
    /// The operation that made the object, or is to make it.
    pub op: String,
    /// The resource.
    pub urn: String,
    /// Whether the process held the stack at this moment.
    pub permitted: bool,
}

/// A cloud. Clones are the same cloud.
#[derive(Clone)]
pub struct Cloud {
    inner: Arc<Mutex<Inner>>,
    world: Arc<dyn World>,
    wire: Arc<dyn Wire>,
}

#[derive(Default)]
struct Inner {
    service: Service,
    lags: Lags,
    log: Vec<Entry>,
    /// Requests that are still on their way although nobody waits for them, each with the time of its arrival.
    late: Vec<(i64, Request)>,
}

impl Cloud {
    /// An empty cloud, with its clock and its randomness, behind a perfect wire.
    pub fn new(world: Arc<dyn World>, lags: Lags) -> Self {
        let inner = Inner { lags, ..Inner::default() };
        Self { inner: Arc::new(Mutex::new(inner)), world, wire: Arc::new(Perfect) }
    }

    /// The same cloud over another wire.
    #[must_use]
    pub fn through(&self, wire: Arc<dyn Wire>) -> Self {
        Self { wire, ..self.clone() }
    }

    /// Makes it the cloud that [`Sky::named`] means in this thread, until what it returns is dropped. A provider connects to the one that is
    /// served at that moment.
    pub fn serve(&self, name: &str) -> Served {
        let former = SERVED.with_borrow_mut(|served| served.insert(name.to_owned(), self.clone()));
        Served { name: name.to_owned(), former }
    }

    /// All objects, by id, with what was due to arrive by now.
    pub fn objects(&self) -> Vec<Object> {
        self.arrived().service.objects.values().cloned().collect()
    }

    /// Each request that has changed something, or was to.
    pub fn log(&self) -> Vec<Entry> {
        self.inner().log.clone()
    }

    /// Operations of which more than one object exists: who made them, and their ids.
    pub fn duplicates(&self) -> Vec<(Mark, Vec<String>)> {
        let inner = self.arrived();
        let mut made: BTreeMap<&Arc<Mark>, Vec<String>> = BTreeMap::new();
        for object in inner.service.objects.values() {
            if let Some(maker) = &object.maker {
                made.entry(maker).or_default().push(object.id.clone());
            }
        }
        made.retain(|_, ids| ids.len() > 1);
        made.into_iter().map(|(maker, ids)| (Mark::clone(maker), ids)).collect()
    }

    /// Objects that were deleted while another one needed them, in words.
    pub fn broken(&self) -> Vec<String> {
        self.arrived().service.broken.clone()
    }

    /// How often a list lacked an object that was there.
    pub fn unlisted(&self) -> u64 {
        self.inner().service.unlisted
    }

    /// How many requests are still on their way.
    pub fn late(&self) -> usize {
        self.arrived().late.len()
    }

    /// Makes an object that no stack has made; `None` when its name or key is taken.
    pub fn stranger(&self, habit: Habit, fields: Fields) -> Option<String> {
        let mut inner = self.arrived();
        let Inner { service, lags, .. } = &mut *inner;
        let taken = |object: &Object| object.habit == habit && habit.place(&object.fields) == habit.place(&fields);
        if habit.place(&fields).is_some() && service.objects.values().any(taken) {
            return None;
        }
        let below = |most: u64| self.world.random() % most;
        let at = Moment { now_ms: self.world.now_ms(), lags, below: &below };
        Some(service.add(&at, habit, fields, None, None).id)
    }

    /// Removes an object behind everybody's back; whether there was one.
    pub fn lose(&self, id: &str) -> bool {
        let request = Request::Delete { id: id.to_owned() };
        self.carry_out(request).is_ok()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cloud with everything that has arrived by now.
    fn arrived(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.inner();
        let now_ms = self.world.now_ms();
        while let Some(next) = inner.next_arrival(now_ms) {
            let (at_ms, request) = inner.late.remove(next);
            // Nobody waits for the reply.
            drop(inner.handle(at_ms, &*self.world, request));
        }
        inner
    }

    fn carry_out(&self, request: Request) -> Result<Reply, Refusal> {
        let mut inner = self.arrived();
        inner.handle(self.world.now_ms(), &*self.world, request)
    }
}

impl Inner {
    /// The earliest request that has arrived by `now_ms`.
    fn next_arrival(&self, now_ms: i64) -> Option<usize> {
        let due = self.late.iter().enumerate().filter(|(_, (at_ms, _))| *at_ms <= now_ms);
        due.min_by_key(|(_, (at_ms, _))| *at_ms).map(|(position, _)| position)
    }

    fn handle(&mut self, now_ms: i64, world: &dyn World, request: Request) -> Result<Reply, Refusal> {
        let below = |most: u64| world.random() % most;
        self.service.handle(&Moment { now_ms, lags: &self.lags, below: &below }, request)
    }
}

thread_local! {
    static SERVED: RefCell<HashMap<String, Cloud>> = RefCell::default();
}

/// Keeps a cloud within the reach of providers.
#[must_use = "the cloud is out of reach when this is dropped"]
pub struct Served {
    name: String,
    former: Option<Cloud>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let (name, former) = (std::mem::take(&mut self.name), self.former.take());
        SERVED.with_borrow_mut(|served| match former {
            Some(former) => served.insert(name, former),
            None => served.remove(&name),
        });
    }
}
