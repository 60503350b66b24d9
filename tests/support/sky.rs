//! A stack in the cloud with the habits of real ones: a wire that breaks where a story says so, and a clock that stands still meanwhile.

use futures_util::{FutureExt, future::BoxFuture};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use terrane::{Config, On, Stack, kind::ProviderSpec, plan::Purpose};
use terrane_engine::{ApplyOptions, Error, Events, PlanOptions, Project, Session, World};
use terrane_sim::cloud::{Call, Cloud, Delivery, Habit, Lags, Leg, Served, Settings, Sky, Verb, Wire, declare};
use terrane_state::{MemoryStore, Store};
use tokio::{sync::Notify, time::Instant};

/// What a program declares.
pub(crate) trait Program: Fn(&Stack, &On<Sky>) + Copy + Send + Sync + 'static {}

impl<P: Fn(&Stack, &On<Sky>) + Copy + Send + Sync + 'static> Program for P {}

/// A world whose clocks follow those of the test.
struct Paused(Instant);

impl World for Paused {
    fn now_ms(&self) -> i64 {
        Place::BEGAN_MS + i64::try_from(self.clock_ms()).unwrap()
    }

    fn clock_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap()
    }

    fn lease_clock_ms(&self) -> u64 {
        self.clock_ms()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        tokio::time::sleep(time).boxed()
    }

    fn random(&self) -> u64 {
        u64::MAX / 2
    }

    fn spawn(&self, work: BoxFuture<'static, ()>) {
        drop(tokio::spawn(work));
    }
}

/// How the wire breaks, once, when a message of this kind comes by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Break {
    /// As this says.
    With(Delivery),
    /// The process dies.
    Crash,
}

#[derive(Default)]
struct Wiring {
    breaks: Vec<(Verb, Leg, Break)>,
    requests: Vec<&'static str>,
}

#[derive(Clone, Default)]
struct Script {
    wiring: Arc<Mutex<Wiring>>,
    crashed: Arc<Notify>,
}

impl Script {
    fn wiring(&self) -> MutexGuard<'_, Wiring> {
        self.wiring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wire for Script {
    fn send(&self, call: Call<'_>) -> BoxFuture<'static, Delivery> {
        let mut wiring = self.wiring();
        if call.leg == Leg::Request {
            wiring.requests.push(call.verb.word());
        }
        let position = wiring.breaks.iter().position(|(verb, leg, _)| (*verb, *leg) == (call.verb, call.leg));
        match position.map(|position| wiring.breaks.remove(position).2) {
            None => std::future::ready(Delivery::Through).boxed(),
            Some(Break::With(delivery)) => std::future::ready(delivery).boxed(),
            Some(Break::Crash) => {
                self.crashed.notify_one();
                std::future::pending().boxed()
            }
        }
    }
}

/// The stack `dev` and its cloud.
pub(crate) struct Place {
    pub cloud: Cloud,
    store: Arc<dyn Store>,
    world: Arc<Paused>,
    script: Script,
    _served: Served,
}

impl Place {
    /// The date on which each story begins, in milliseconds.
    pub(crate) const BEGAN_MS: i64 = 1_800_000_000_000;

    /// An empty cloud whose lists lag by up to 50 s.
    pub(crate) fn new() -> Self {
        Self::over(Arc::new(MemoryStore::default()))
    }

    /// The same with a state that is kept there.
    pub(crate) fn over(store: Arc<dyn Store>) -> Self {
        let world = Arc::new(Paused(Instant::now()));
        let lags = Lags { listed: Duration::from_secs(50), visible: Duration::from_secs(2) };
        let script = Script::default();
        let cloud = Cloud::new(world.clone(), lags).through(Arc::new(script.clone()));
        let served = cloud.serve("sky");
        Self { cloud, store, world, script, _served: served }
    }

    /// Lets the wire break at the next such message.
    pub(crate) fn breaks(&self, verb: Verb, leg: Leg, how: Break) {
        self.script.wiring().breaks.push((verb, leg, how));
    }

    pub(crate) fn session(&self, program: impl Program) -> Session {
        let run = move |stack: &Stack| {
            program(stack, &stack.provider(Sky::named("sky")));
            Ok(())
        };
        let project =
            Project { name: "shop".to_owned(), program: Arc::new(run), providers: vec![ProviderSpec::of::<Sky>()] };
        let config = Arc::new(|| Ok(Config::new(serde_json::Map::new(), BTreeMap::new())));
        Session::in_world(Arc::new(project), "dev", self.store.clone(), config, self.world.clone())
    }

    /// Recovers, plans and carries out; what happened in words.
    pub(crate) async fn up(&self, program: impl Program) -> String {
        let began = Instant::now();
        let told = tokio::select! {
            biased;
            told = self.run(program) => told.unwrap_or_else(|error| super::text::error(&error)),
            () = self.script.crashed.notified() => "crashed\n".to_owned(),
        };
        let waited = began.elapsed().as_secs();
        let waited = if waited > 0 { format!("waited {waited} s\n") } else { String::new() };
        format!("{told}{waited}{}", self.told())
    }

    async fn run(&self, program: impl Program) -> Result<String, Error> {
        let (session, unheard) = (self.session(program), Events::unheard());
        let (recovered, planned) = session.prepare("up", &PlanOptions::new(Purpose::Up), &unheard).await?;
        let report = session.apply(planned, &ApplyOptions::default(), &unheard).await?;
        let mut lines: Vec<String> = recovered.iter().map(|text| super::text::without_times(text)).collect();
        lines.extend(report.failures.iter().map(|failure| format!("failed {}: {}", failure.verb, failure.message)));
        Ok(lines.iter().map(|line| format!("{line}\n")).collect())
    }

    /// What a preview notes.
    pub(crate) async fn preview(&self, program: impl Program) -> String {
        let planned = self.session(program).plan(&PlanOptions::new(Purpose::Up), &Events::unheard()).await.unwrap();
        planned.plan.notes.iter().map(|note| format!("{note:?}\n")).collect()
    }

    /// The requests since the last time, and what there is.
    fn told(&self) -> String {
        let requests = std::mem::take(&mut self.script.wiring().requests).join(" ");
        let objects: Vec<String> =
            self.cloud.objects().iter().map(|object| format!("{}={}", object.id, object.fields.value)).collect();
        let objects = objects.join(" ");
        format!("{}\n{}\n", format!("requests {requests}").trim_end(), format!("objects {objects}").trim_end())
    }
}

/// One object, and nothing else.
pub(crate) fn single(habit: Habit) -> impl Program {
    one(habit, "1", "round")
}

/// One object with this value and shape.
pub(crate) fn one(habit: Habit, value: &'static str, shape: &'static str) -> impl Program {
    move |stack, sky| {
        let settings = Settings { shape: Some(shape.to_owned()), ..Settings::new(value) };
        declare(stack, sky, habit, "a", settings);
    }
}
