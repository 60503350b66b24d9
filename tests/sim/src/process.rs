//! One simulated process: a command line that carries out one job with the real engine and the real journal.

mod commands;

use crate::{
    case::{Command, Job, STACKS},
    program::Program,
    promise::Promise,
    scheduler::Pid,
    simulation::Simulation,
    store::{Link, Port},
    story::Code,
    watch::Watch,
    world::ProcessWorld,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use terrane_core::{
    Config, Urn,
    plan::{Plan, Purpose},
};
use terrane_engine::{
    ApplyOptions, Ending, Error, Events, PlanOptions, Project, Refresh, Report, Session, Undecided, Verdict, What,
    World,
};
use terrane_state::{
    FileStore, Store,
    s3::{S3Store, Settings},
};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It did what it was asked.
    Well,
    /// It failed and said so.
    Badly,
    /// It was killed.
    Died,
}

/// What no one may see.
pub const SECRET: &str = "canary-7f3b";

/// How often a plan that is out of date is made again.
const PLANS_MAX: u32 = 5;
/// How late a request can arrive.
const LATEST: Duration = Duration::from_secs(60);
/// How long a process waits for others, in seconds.
const WAIT_SECONDS: u64 = 600;

/// A process.
pub struct Process {
    /// Its number.
    pub pid: Pid,
    simulation: Simulation,
    session: Session,
    store: Arc<dyn Store>,
    job: Job,
    /// The program that it is started with.
    asked: Program,
}

impl Process {
    /// A process that is about to begin.
    pub fn new(simulation: &Simulation, writer: usize, job: &Job) -> Self {
        let pid = simulation.scheduler.process();
        simulation
            .scheduler
            .story()
            .name(pid, || if writer == 99 { format!("last-{}", pid.0) } else { format!("w{writer}-{}", pid.0) });
        let (seed, wrong_ms) = (simulation.seed(), i64::try_from(simulation.seed() % 240_000).unwrap_or(0) - 120_000);
        let world = ProcessWorld::new(simulation.scheduler.clone(), pid, wrong_ms, seed);
        let store = store(simulation, pid, world.clone());
        let program = simulation.case.programs.get(job.version).cloned().unwrap_or_default();
        let project = Project {
            name: "shop".to_owned(),
            program: program.declares(simulation.case.secret.then_some(SECRET)),
            providers: simulation.providers.clone(),
        };
        let config = Arc::new(|| Ok(Config::new(serde_json::Map::new(), BTreeMap::new())));
        let session = Session::in_world(Arc::new(project), STACKS[job.stack], store.clone(), config, world)
            .waiting(Duration::from_secs(WAIT_SECONDS));
        Self { pid, simulation: simulation.clone(), session, store, job: job.clone(), asked: program }
    }

    /// Carries a job out; gives its end, unless the process is killed.
    pub fn run(self) -> Promise<End> {
        let promise = Promise::default();
        let (kept, pid, scheduler) = (promise.clone(), self.pid, self.simulation.scheduler.clone());
        let alive = scheduler.clone();
        let Job { command, version, .. } = self.job;
        scheduler.tell(pid, Code(30), || format!("$ {command:?} of version {version} on {}", self.session.stack()));
        scheduler.spawn(
            pid,
            Box::pin(async move {
                let end = self.carry_out().await;
                // Nobody hears from the dead, whatever they came to in the moment when they were killed.
                if !alive.is_dead(pid) {
                    kept.keep(end);
                }
            }),
        );
        promise
    }

    async fn carry_out(&self) -> End {
        let result = match self.job.command {
            Command::Up => self.up("up", PlanOptions::new(Purpose::Up)).await,
            Command::UpRefreshing => {
                self.up("up", PlanOptions { refresh: Refresh::All, ..PlanOptions::new(Purpose::Up) }).await
            }
            Command::Destroy => self.up("destroy", PlanOptions::new(Purpose::Destroy)).await,
            Command::Refresh => {
                let looked = self.session.refresh(&PlanOptions::new(Purpose::Up), &self.events()).await;
                looked.map(|_| Ending::Done)
            }
            Command::Preview => {
                let planned = self.session.plan(&PlanOptions::new(Purpose::Up), &self.events()).await;
                planned.map(|planned| {
                    self.show(&planned.plan);
                    Ending::Done
                })
            }
            Command::Import(number) => self.import(number).await,
            Command::Rollback => self.roll_back().await,
            Command::Move(number) => self.give_away(number).await.map(|()| Ending::Done),
            Command::Rename => self.rename().await.map(|()| Ending::Done),
            Command::Rotate => self.rotate().await.map(|()| Ending::Done),
            Command::Recover => self.session.recover("up", &self.events()).await.map(|_| Ending::Done),
            Command::Unlock => self.unlock().await.map(|()| Ending::Done),
        };
        let (end, code) = match &result {
            Ok(Ending::Done) => (End::Well, 32),
            Ok(_) => (End::Badly, 33),
            Err(error) => {
                self.simulation.complain(&error.to_string());
                (End::Badly, 34)
            }
        };
        self.simulation.scheduler.tell(self.pid, Code(code), || match &result {
            Ok(ending) => format!("it ends: {}", ending.word()),
            Err(error) => format!("it fails: {error}"),
        });
        end
    }

    /// As the command line does: waits until the stack is free, recovers, plans, carries out.
    async fn up(&self, command: &str, options: PlanOptions) -> Result<Ending, Error> {
        let apply = ApplyOptions {
            parallel: self.simulation.case.parallel,
            continue_on_error: self.pid.0.is_multiple_of(2),
            ..ApplyOptions::default()
        };
        let events = self.events();
        let attempt = async || self.attempt(command, &options, &apply, &events).await;
        self.insisting(command, attempt).await.map(|report| report.ending)
    }

    /// Does something again as long as others come in between, or a person has to say what is so.
    async fn insisting<T>(&self, command: &str, attempt: impl AsyncFn() -> Result<T, Error>) -> Result<T, Error> {
        for _ in 1..PLANS_MAX {
            match attempt().await {
                Err(Error::Changed { .. } | Error::Open { .. }) => {}
                Err(Error::Undecided(open)) => {
                    for Undecided { urn, .. } in &open {
                        self.decide(command, urn).await?;
                    }
                }
                ended => return ended,
            }
        }
        attempt().await
    }

    /// A person looks at the cloud, once nothing can arrive any more, and says what is so.
    async fn decide(&self, command: &str, urn: &Urn) -> Result<(), Error> {
        self.simulation.scheduler.sleep(self.pid, LATEST).await;
        let state = self.simulation.checkers.state(self.session.stack());
        let made = |op: &str| {
            let objects = self.simulation.cloud.objects();
            objects.into_iter().find(|object| object.maker.as_ref().is_some_and(|maker| maker.op == op))
        };
        let open = state.pending.values().find(|intent| intent.urn == *urn);
        let object = open.and_then(|intent| made(intent.op.as_str()));
        let verdict = object.map_or(Verdict::Absent, |object| Verdict::Exists(object.id));
        self.simulation.scheduler.tell(self.pid, Code(35), || format!("a person says of {urn}: {verdict:?}"));
        self.session.decide(command, urn, &verdict, &self.events()).await.map(drop)
    }

    async fn attempt(
        &self,
        command: &str,
        options: &PlanOptions,
        apply: &ApplyOptions,
        events: &Events,
    ) -> Result<Report, Error> {
        self.session.until_free(events).await?;
        let (_, planned) = self.session.prepare(command, options, events).await?;
        self.show(&planned.plan);
        self.session.apply(planned, apply, events).await
    }

    /// Shows a plan, as the terminal would.
    fn show(&self, plan: &Plan) {
        if self.simulation.case.secret {
            for step in &plan.steps {
                self.simulation.checkers.told(&serde_json::Value::Object(step.inputs.masked()).to_string());
            }
        }
    }

    /// Reads every state of the past that is kept.
    pub async fn look_back(&self) {
        let (project, stack) = (self.session.project().name.as_str(), self.session.stack());
        for point in self.store.restore_points(project, stack).await.unwrap_or_default() {
            if let Err(error) = self.store.read_at(project, stack, point.seq).await {
                let text = format!("the state of record {} can't be read any more: {error}", point.seq);
                self.simulation.checkers.report(crate::check::Invariant::I5, text);
            }
        }
    }

    fn events(&self) -> Events {
        let (simulation, pid) = (self.simulation.clone(), self.pid);
        let scheduler = simulation.scheduler.clone();
        Events::to(move |what| {
            if simulation.case.secret {
                simulation.checkers.told(&format!("{what:?}"));
            }
            if let Some(code) = code(&what) {
                scheduler.tell(pid, Code(code), || text(&what));
                if let What::StepFailed { urn, message, .. } = &what {
                    simulation.complain(&format!("{}: {message}", urn.label()));
                }
            }
        })
    }
}

fn code(what: &What) -> Option<u64> {
    match what {
        What::Recovered { .. } => Some(50),
        What::StepStarted { .. } => Some(51),
        What::StepRetried { .. } => Some(52),
        What::StepDone { .. } => Some(53),
        What::StepFailed { .. } => Some(54),
        _ => None,
    }
}

fn text(what: &What) -> String {
    match what {
        What::Recovered { urn, text } => format!("  recovered {}: {text}", urn.label()),
        What::StepStarted { urn, verb, .. } => format!("  {verb} {} begins", urn.label()),
        What::StepRetried { urn, attempt, message, .. } => format!("  attempt {attempt} of {}: {message}", urn.label()),
        What::StepDone { urn, verb, .. } => format!("  {verb} {} is done", urn.label()),
        What::StepFailed { urn, verb, message, .. } => format!("  {verb} {} failed: {message}", urn.label()),
        _ => String::new(),
    }
}

fn store(simulation: &Simulation, pid: Pid, world: Arc<dyn World>) -> Arc<dyn Store> {
    let store: Arc<dyn Store> = match simulation.case.disk {
        true => Arc::new(on_disk(simulation, pid)),
        false => Arc::new(in_bucket(simulation, pid, world.clone())),
    };
    Watch::new(store, simulation.checkers.clone(), pid, simulation.case.disk.then_some(world))
}

fn on_disk(simulation: &Simulation, pid: Pid) -> FileStore {
    let Simulation { disk, scheduler, faults, checkers, .. } = simulation.clone();
    let port = Port { disk, scheduler, faults, checkers, pid };
    FileStore::on(simulation.scratch.state(), Arc::new(move || Box::new(port.clone())))
}

fn in_bucket(simulation: &Simulation, pid: Pid, world: Arc<dyn World>) -> S3Store {
    let checkers = simulation.checkers.clone();
    let link = Link {
        scheduler: simulation.scheduler.clone(),
        bucket: simulation.bucket.clone(),
        faults: simulation.faults.clone(),
        observer: Arc::new(move |pid, change| checkers.changed(pid, change)),
        pid,
    };
    S3Store::new(Arc::new(link), world, settings(simulation))
}

/// The journal's settings: times as in production, sizes as the case has them.
fn settings(simulation: &Simulation) -> Settings {
    let (scheduler, beside) = (simulation.scheduler.clone(), simulation.case.beside);
    let sizes = simulation.case.sizes;
    Settings {
        key_folder: Some(simulation.scratch.keys()),
        tail_bytes_max: sizes.tail_bytes,
        segments_max: sizes.segments,
        log_bytes_min: sizes.log_bytes,
        points_max: sizes.points,
        garbage_age: Duration::from_millis(sizes.garbage_ms),
        probe_racers: 2,
        is_alive: Arc::new(move |holder| !beside || !scheduler.is_dead(Pid(holder.pid))),
        ..Settings::default()
    }
}
