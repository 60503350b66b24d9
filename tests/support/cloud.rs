//! A cloud in memory: it keeps objects, writes down each call, and fails when it is told to.
//!
//! It holds its customers to what a real cloud does: a token makes one object however often it is used, a physical name exists once, and
//! an object that another one still needs should not be deleted.

use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use terrane::{Class, Error, Result};

static CLOUDS: LazyLock<Mutex<BTreeMap<String, Arc<Cloud>>>> = LazyLock::new(Mutex::default);

/// A cloud; tests know theirs by its name.
#[derive(Default)]
pub(crate) struct Cloud(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    objects: BTreeMap<String, Object>,
    log: Vec<String>,
    /// How many objects each logical name has had.
    made: BTreeMap<String, u32>,
    troubles: BTreeMap<String, (u32, Trouble)>,
    times: BTreeMap<String, Duration>,
    answers: BTreeMap<String, Answer>,
    running: BTreeSet<String>,
    most_running: usize,
}

/// An object of the cloud.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Object {
    pub kind: &'static str,
    pub token: String,
    pub logical: String,
    pub region: String,
    pub inputs: Map<String, Value>,
    pub revision: u32,
}

/// How a call goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    Throttled,
    Conflict,
    NotVisible,
    /// Nothing was changed, and the cloud says so.
    Refused,
    /// Nothing was changed, but nobody says so.
    Cut,
    /// It was done, but the reply got lost.
    ReplyLost,
    Panic,
    /// It never answers.
    Hangs,
}

/// What the cloud says when it is asked for a token.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Another,
    CannotTell,
    /// It never comes.
    Hangs,
    Panic,
}

/// A create as the cloud gets it.
pub(crate) struct Order {
    pub kind: &'static str,
    pub token: String,
    pub logical: String,
    pub region: String,
    pub inputs: Map<String, Value>,
    /// Whether only one object with this logical name may exist.
    pub unique: bool,
}

impl Cloud {
    /// The cloud of this name, shared by everybody who asks for it.
    pub(crate) fn named(name: &str) -> Arc<Self> {
        CLOUDS.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default().clone()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the next calls go wrong: `call` is `create a`, `update a-1`, `wait a-1`, …
    pub(crate) fn fail(&self, call: &str, times: u32, trouble: Trouble) {
        self.inner().troubles.insert(call.to_owned(), (times, trouble));
    }

    /// Lets a call take (virtual) time.
    pub(crate) fn takes(&self, call: &str, time: Duration) {
        self.inner().times.insert(call.to_owned(), time);
    }

    /// Lets the search for the token of a logical name end otherwise.
    pub(crate) fn answers(&self, logical: &str, answer: Answer) {
        self.inner().answers.insert(logical.to_owned(), answer);
    }

    /// Forgets every trouble.
    pub(crate) fn heal(&self) {
        let mut inner = self.inner();
        inner.troubles.clear();
        inner.answers.clear();
        inner.times.clear();
    }

    /// Writes a line between the calls.
    pub(crate) fn note(&self, line: String) {
        self.inner().log.push(line);
    }

    /// The calls since the last time, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.inner().log)
    }

    /// The objects that exist, by id.
    pub(crate) fn objects(&self) -> BTreeMap<String, Object> {
        self.inner().objects.clone()
    }

    /// How many calls ran at the same time at most, since the last time.
    pub(crate) fn most_running(&self) -> usize {
        std::mem::take(&mut self.inner().most_running)
    }

    /// Changes an object behind the engine's back.
    pub(crate) fn tamper(&self, id: &str, input: &str, value: impl Into<Value>) {
        if let Some(object) = self.inner().objects.get_mut(id) {
            object.inputs.insert(input.to_owned(), value.into());
        }
    }

    /// Counts up an object's revision behind the engine's back: only an output changes.
    pub(crate) fn touch(&self, id: &str) {
        if let Some(object) = self.inner().objects.get_mut(id) {
            object.revision += 1;
        }
    }

    /// Removes an object behind the engine's back.
    pub(crate) fn lose(&self, id: &str) {
        self.inner().objects.remove(id);
    }

    /// Makes an object that no stack has made.
    pub(crate) fn plant(&self, id: &str, region: &str, inputs: &Value) {
        let inputs = inputs.as_object().cloned().unwrap_or_default();
        let (token, logical, region) = (String::new(), id.to_owned(), region.to_owned());
        let object = Object { kind: "demo:Thing", token, logical, region, inputs, revision: 1 };
        self.inner().objects.insert(id.to_owned(), object);
    }

    pub(crate) async fn create(&self, order: Order) -> Result<Value> {
        let call = format!("create {}", order.logical);
        let trouble = self.begin(&call, &describe(&order)).await?;
        let result = self.inner().create(order);
        self.end(&call, trouble, result)
    }

    pub(crate) async fn update(&self, id: &str, inputs: Map<String, Value>) -> Result<Value> {
        let call = format!("update {id}");
        let trouble = self.begin(&call, &call).await?;
        let result = self.inner().update(id, inputs);
        self.end(&call, trouble, result)
    }

    pub(crate) async fn delete(&self, id: &str) -> Result<()> {
        let call = format!("delete {id}");
        let trouble = self.begin(&call, &call).await?;
        self.inner().delete(id);
        self.end(&call, trouble, Ok(()))
    }

    pub(crate) async fn wait(&self, id: &str) -> Result<()> {
        let call = format!("wait {id}");
        let busy = self.inner().troubles.contains_key(&call) || self.inner().times.contains_key(&call);
        if !busy {
            return Ok(());
        }
        let trouble = self.begin(&call, &call).await?;
        self.end(&call, trouble, Ok(()))
    }

    /// What an object is now: inputs and outputs.
    pub(crate) fn read(&self, id: &str) -> Result<Option<(Map<String, Value>, Value)>> {
        let inner = self.inner();
        Ok(inner.objects.get(id).map(|object| (object.inputs.clone(), outputs(id, object.revision))))
    }

    pub(crate) async fn find(&self, logical: &str, token: &str) -> terrane::Found<Value> {
        let answer = {
            let mut inner = self.inner();
            inner.log.push(format!("find {logical}"));
            inner.answers.get(logical).copied()
        };
        match answer {
            Some(Answer::Another) => return terrane::Found::Another("somebody else's object".to_owned()),
            Some(Answer::CannotTell) => return terrane::Found::CannotTell,
            Some(Answer::Hangs) => std::future::pending().await,
            Some(Answer::Panic) => panic!("a provider's mistake"),
            None => {}
        }
        let inner = self.inner();
        let ours = inner.objects.iter().find(|(_, object)| object.token == token);
        ours.map_or(terrane::Found::Nothing, |(id, object)| terrane::Found::Ours(outputs(id, object.revision)))
    }

    /// Every object of a kind.
    pub(crate) fn list(&self, kind: &str) -> BTreeMap<String, Value> {
        let inner = self.inner();
        let of_kind = inner.objects.iter().filter(|(_, object)| object.kind == kind);
        of_kind.map(|(id, object)| (id.clone(), outputs(id, object.revision))).collect()
    }

    /// The beginning of each call; gives back the trouble that comes at its end.
    async fn begin(&self, call: &str, line: &str) -> Result<Option<Trouble>> {
        let (trouble, time) = self.inner().begin(call, line);
        if let Some(time) = time {
            tokio::time::sleep(time).await;
        }
        let refuse = |class| Err(Error::new("not now").class(class).not_applied());
        let ended = match trouble {
            Some(Trouble::Throttled) => refuse(Class::Throttled { after: None }),
            Some(Trouble::Conflict) => refuse(Class::Conflict),
            Some(Trouble::NotVisible) => refuse(Class::NotVisibleYet),
            Some(Trouble::Refused) => Err(Error::new("the cloud refused").help("ask the cloud nicely").not_applied()),
            Some(Trouble::Cut) => Err(Error::new("connection reset")),
            Some(Trouble::Panic) => panic!("a provider's mistake"),
            Some(Trouble::Hangs) => std::future::pending().await,
            Some(Trouble::ReplyLost) | None => return Ok(trouble),
        };
        self.inner().running.remove(call);
        ended
    }

    fn end<T>(&self, call: &str, trouble: Option<Trouble>, result: Result<T>) -> Result<T> {
        self.inner().running.remove(call);
        match trouble {
            Some(_) => result.and_then(|_| Err(Error::new("the reply got lost"))),
            None => result,
        }
    }
}

impl Inner {
    fn begin(&mut self, call: &str, line: &str) -> (Option<Trouble>, Option<Duration>) {
        self.log.push(line.to_owned());
        self.running.insert(call.to_owned());
        self.most_running = self.most_running.max(self.running.len());
        let trouble = self.troubles.get_mut(call).filter(|(times, _)| *times > 0).map(|(times, trouble)| {
            *times -= 1;
            *trouble
        });
        (trouble, self.times.get(call).copied())
    }

    fn create(&mut self, order: Order) -> Result<Value> {
        if let Some((id, object)) = self.objects.iter().find(|(_, object)| object.token == order.token) {
            return Ok(outputs(id, object.revision));
        }
        let name = order.inputs.get("name").filter(|name| !name.is_null());
        let rival = self.objects.iter().find(|(_, object)| {
            let same_name = name.is_some_and(|name| object.inputs.get("name") == Some(name));
            same_name || (order.unique && object.kind == order.kind && object.logical == order.logical)
        });
        if let Some((id, _)) = rival {
            return Err(Error::new(format!("{id} is in the way")).not_applied());
        }
        let number = self.made.entry(order.logical.clone()).or_default();
        *number += 1;
        let id = format!("{}-{number}", order.logical);
        let Order { kind, token, logical, region, inputs, .. } = order;
        self.objects.insert(id.clone(), Object { kind, token, logical, region, inputs, revision: 1 });
        Ok(outputs(&id, 1))
    }

    fn update(&mut self, id: &str, inputs: Map<String, Value>) -> Result<Value> {
        let gone = || Error::new(format!("there is no {id}")).not_applied();
        let object = self.objects.get_mut(id).ok_or_else(gone)?;
        if object.inputs != inputs {
            (object.inputs, object.revision) = (inputs, object.revision + 1);
        }
        Ok(outputs(id, object.revision))
    }

    fn delete(&mut self, id: &str) {
        self.objects.remove(id);
        let user = self.objects.iter().find(|(_, object)| {
            object
                .inputs
                .get("needs")
                .and_then(Value::as_array)
                .is_some_and(|needs| needs.iter().any(|need| need == id))
        });
        if let Some((user, _)) = user {
            self.log.push(format!("  (but {user} still needs it)"));
        }
    }
}

fn outputs(id: &str, revision: u32) -> Value {
    json!({"id": id, "url": format!("http://{id}/{revision}"), "key": format!("key-of-{id}")})
}

fn describe(order: &Order) -> String {
    let needs = order.inputs.get("needs").and_then(Value::as_array).cloned().unwrap_or_default();
    let needs: Vec<&str> = needs.iter().filter_map(Value::as_str).collect();
    match needs.is_empty() {
        true => format!("create {}", order.logical),
        false => format!("create {} with {}", order.logical, needs.join(", ")),
    }
}
