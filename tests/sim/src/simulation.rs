//! One simulation: the bucket, the cloud and the network of a case, the people who start runs, and the last, calm `up`.

use crate::{
    case::{Case, Command, Job, Meddling, STACKS},
    check::{Canonical, Checkers, Invariant, Violation},
    cloud::{Cloud, Habit, Lags, Served, Sky},
    faults::{self, Fault, Faults, Plan, Stream, stream},
    process::{End, Process},
    program::CLOUD,
    scheduler::{Pid, Scheduler, Stuck},
    scratch::Scratch,
    store::{Bucket, Disk},
    story::{Code, Story, Telling},
    wire::Wire,
    world::ProcessWorld,
};
use futures_util::future::{Either, join, join_all, select};
use std::{
    collections::BTreeMap,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use terrane::ProviderSpec;
use terrane_core::state::Intent;

/// How a simulation ended.
pub struct Outcome {
    /// The first invariant that was broken.
    pub violation: Option<Violation>,
    /// What tells this run from others.
    pub hash: u64,
    /// How often each fault came.
    pub tally: BTreeMap<Fault, u64>,
    /// How many requests there were to bucket and cloud before the calm.
    pub requests: u64,
    /// How many faults were drawn.
    pub drawn: u64,
    /// The cloud in the end, apart from ids.
    pub cloud: Canonical,
    /// The timeline; empty when it was not asked for.
    pub timeline: String,
}

/// What all tasks of a simulation share.
#[derive(Clone)]
pub struct Simulation {
    /// What it is made of.
    pub case: Arc<Case>,
    /// What runs it.
    pub scheduler: Scheduler,
    /// What goes wrong.
    pub faults: Arc<Faults>,
    /// What is really stored.
    pub bucket: Arc<Bucket>,
    /// What really exists.
    pub cloud: Cloud,
    /// Who looks on.
    pub checkers: Checkers,
    /// The disk, where state is kept on one.
    pub disk: Disk,
    /// Where its files are, and key files.
    pub scratch: Scratch,
    /// The providers that every session knows.
    pub providers: Vec<&'static ProviderSpec>,
    seeds: Arc<Mutex<fastrand::Rng>>,
    /// Objects that somebody else has made.
    strangers: Arc<Mutex<Vec<String>>>,
    /// What the last process that failed has said.
    complaint: Arc<Mutex<String>>,
}

/// How often a run that fails is started again.
const STARTS_MAX: u32 = 3;
/// How often the last `up` is started.
const LAST_STARTS_MAX: u32 = 8;

/// Runs a case.
pub fn run(case: &Case, telling: Telling) -> Outcome {
    let story = Story::new(telling);
    let (simulation, _served) = Simulation::new(case, story.clone());
    let plan = plan(case);
    faults::describe(&plan, &story);
    tell_programs(case, &simulation);
    let life = simulation.clone();
    let lived = catch_unwind(AssertUnwindSafe(|| simulation.scheduler.run(async move { life.live().await })));
    let at_ms = simulation.scheduler.now_ms();
    let liveness = |text: String| Some(Violation { invariant: Invariant::Liveness, text, at_ms });
    let broken = simulation.checkers.violation();
    let (requests, violation) = match lived {
        Ok(Ok(requests)) => (requests, broken),
        Ok(Err(Stuck::Halted)) => (0, broken),
        Ok(Err(stuck)) => (0, broken.or_else(|| liveness(format!("the simulation came to no end: {stuck:?}")))),
        Err(panic) => (0, broken.or_else(|| liveness(format!("a panic: {}", panic_text(&*panic))))),
    };
    let mut tally = simulation.faults.tally();
    tally.insert(Fault::ListLag, simulation.cloud.unlisted());
    Outcome {
        violation,
        hash: story.hash(),
        tally,
        requests,
        drawn: simulation.faults.drawn(),
        cloud: simulation.checkers.canonical(),
        timeline: story.timeline(),
    }
}

/// Runs a case and compares the cloud in the end with that of its last runs alone.
pub fn run_compared(case: &Case, telling: Telling) -> Outcome {
    let mut outcome = run(case, telling);
    if outcome.violation.is_some() {
        return outcome;
    }
    match expected(case) {
        Ok(cloud) => outcome.compare(&cloud),
        Err(violation) => outcome.violation = Some(violation),
    }
    outcome
}

/// The cloud that the last runs of a case make when nothing happens before.
///
/// # Errors
/// What is broken even then.
pub fn expected(case: &Case) -> Result<Canonical, Violation> {
    let outcome = run(&case.alone(), Telling::Silent);
    outcome.violation.map_or(Ok(outcome.cloud), Err)
}

impl Outcome {
    /// Holds the cloud against the one that there should be.
    pub fn compare(&mut self, wanted: &Canonical) {
        if self.violation.is_none() {
            let differs = difference(&self.cloud, wanted);
            self.violation = differs.map(|text| Violation { invariant: Invariant::I12, text, at_ms: 0 });
        }
    }
}

/// How two clouds differ, if they do; strangers' objects don't count.
fn difference(is: &Canonical, wanted: &Canonical) -> Option<String> {
    let names = is.keys().chain(wanted.keys()).filter(|name| !name.is_empty());
    let mut names = names.filter(|name| is.get(*name) != wanted.get(*name));
    names.next().map(|name| {
        let look = |cloud: &Canonical| cloud.get(name).map_or_else(|| "nothing".to_owned(), |look| format!("{look:?}"));
        format!("{name} is {}, without crashes it is {}", look(is), look(wanted))
    })
}

fn plan(case: &Case) -> Plan {
    Plan { rates: case.rates.clone(), crashes: case.crashes.clone(), spared: case.spared.clone() }
}

fn tell_programs(case: &Case, simulation: &Simulation) {
    for (version, program) in case.programs.iter().enumerate() {
        let text = || format!("version {version} of the program: {}", program.describe());
        simulation.scheduler.tell(Pid::OUTSIDE, Code(20), text);
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

impl Simulation {
    /// The world of a case, and what keeps its cloud within reach.
    pub fn new(case: &Case, story: Story) -> (Self, Served) {
        let scheduler = Scheduler::new(stream(case.seed, Stream::Order).u64(..), story);
        let faults = Arc::new(Faults::new(plan(case), stream(case.seed, Stream::Faults).u64(..)));
        let bucket = Arc::new(Bucket::default());
        let wire = Wire::new(scheduler.clone(), faults.clone());
        let world = ProcessWorld::new(scheduler.clone(), Pid::OUTSIDE, 0, stream(case.seed, Stream::Cloud).u64(..));
        let (listed, visible) = case.lags_ms;
        let lags = Lags { listed: Duration::from_millis(listed), visible: Duration::from_millis(visible) };
        let cloud = Cloud::new(world, lags);
        // The checkers' way to the cloud is not over the wire, which holds them: nothing would ever be freed.
        let checkers = Checkers::new(scheduler.clone(), bucket.clone(), cloud.clone());
        wire.checked_by(checkers.clone());
        let cloud = cloud.through(wire);
        let served = cloud.serve(CLOUD);
        let seeds = Arc::new(Mutex::new(stream(case.seed, Stream::Processes)));
        let (disk, scratch) = (Disk::new(stream(case.seed, Stream::Disk).u64(..)), Scratch::default());
        if case.disk {
            // Its name is another one each time; everything below is the simulation's own.
            let _ = fs::create_dir_all(scratch.state());
        }
        let (case, providers) = (Arc::new(case.clone()), vec![ProviderSpec::of::<Sky>()]);
        (
            Self {
                case,
                scheduler,
                faults,
                bucket,
                cloud,
                checkers,
                disk,
                scratch,
                providers,
                seeds,
                strangers: Arc::default(),
                complaint: Arc::default(),
            },
            served,
        )
    }

    /// A number for something that wants randomness of its own.
    pub fn seed(&self) -> u64 {
        self.seeds.lock().unwrap_or_else(PoisonError::into_inner).u64(..)
    }

    fn below(&self, end: u64) -> u64 {
        self.seed() % end
    }

    async fn sleep(&self, ms: u64) {
        self.scheduler.sleep(Pid::OUTSIDE, Duration::from_millis(ms)).await;
    }

    /// Everything, from the first run to the last; how many requests there were before the calm.
    async fn live(self) -> u64 {
        self.make_strangers();
        let writers = self.case.writers.iter().enumerate().map(|(number, jobs)| self.write(number, jobs));
        let meddlers = self.case.meddling.iter().map(|meddling| self.meddle(*meddling));
        join(join_all(writers), join_all(meddlers)).await;
        let requests = self.faults.requests();
        self.faults.calm();
        self.finish().await;
        requests
    }

    /// One writer: starts its jobs one after another, again when they fail.
    async fn write(&self, number: usize, jobs: &[Job]) {
        for job in jobs {
            self.sleep(job.after_ms).await;
            for _ in 0..STARTS_MAX {
                let end = self.start(number, job).await;
                self.checkers.at_rest();
                if end == End::Well || (end == End::Badly && self.below(2) == 0) {
                    break;
                }
                let pause_ms = [500, 20_000, 150_000][self.below(3) as usize];
                self.sleep(self.below(pause_ms)).await;
            }
        }
    }

    /// Starts a process and waits for its end.
    async fn start(&self, number: usize, job: &Job) -> End {
        let process = Process::new(self, number, job);
        let pid = process.pid;
        let ended = process.run();
        let end = match select(ended, self.scheduler.death(pid)).await {
            Either::Left((end, _)) => end,
            Either::Right(_) => {
                self.scheduler.tell(pid, Code(31), || "it is dead".to_owned());
                End::Died
            }
        };
        // What a process left running in the background ends with it.
        self.scheduler.kill(pid);
        end
    }

    /// The last runs, with nothing in their way, and everything that must hold after them.
    async fn finish(&self) {
        // What is still on its way arrives.
        self.sleep(130_000).await;
        self.clear_away();
        let ends = self.case.ends();
        for job in &ends {
            self.recover_twice(job).await;
            if !self.end_well(job).await {
                let why = self.complaint.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let text = format!("the last `{:?}`, with nothing in its way, does not end well: {why}", job.command);
                return self.checkers.report(Invariant::Liveness, text);
            }
        }
        self.faults.over();
        // What the last process left on its way arrives.
        self.sleep(1_000).await;
        for job in &ends {
            let again = Job {
                command: if job.command == Command::UpRefreshing { Command::Up } else { job.command },
                ..job.clone()
            };
            if !self.is_idle(&again).await {
                return self.checkers.report(Invariant::I11, "the run after the last one finds something to do");
            }
        }
        for stack in 0..STACKS.len() {
            let reader = Process::new(self, 99, &Job { stack, ..Job::new(Command::Preview, 0) });
            reader.look_back().await;
        }
    }

    /// Starts a last run until it ends well; whether it did.
    async fn end_well(&self, job: &Job) -> bool {
        for _ in 0..LAST_STARTS_MAX {
            let end = self.start(99, job).await;
            if end == End::Well {
                self.checkers.at_rest();
                self.checkers.settled(STACKS[job.stack]);
                return true;
            }
        }
        false
    }

    /// What recovery has found once it must not find again.
    async fn recover_twice(&self, job: &Job) {
        let (stack, recover) = (STACKS[job.stack], Job { command: Command::Recover, ..job.clone() });
        if !self.checkers.is_cut_off(stack) {
            return;
        }
        let end = self.start(99, &recover).await;
        if end == End::Well && !self.is_idle(&recover).await {
            self.checkers.report(Invariant::I11, "to recover a second time changes something");
        }
    }

    /// Whether a run ends well and writes nothing.
    async fn is_idle(&self, job: &Job) -> bool {
        let writes = self.checkers.writes();
        let end = self.start(99, job).await;
        end == End::Well && self.checkers.writes() == writes
    }

    /// Somebody loses an object of the stack, and perhaps puts their own in its place.
    async fn meddle(&self, meddling: Meddling) {
        self.sleep(meddling.at_ms).await;
        let objects: Vec<_> = self.cloud.objects().into_iter().filter(|object| object.maker.is_some()).collect();
        if objects.is_empty() {
            return;
        }
        let object = &objects[meddling.object % objects.len()];
        self.cloud.lose(&object.id);
        self.scheduler
            .tell(Pid::OUTSIDE, Code(40), || format!("somebody deletes {} behind everybody's back", object.id));
        // Where deletes go by name, one that has looked and is about to delete can't be helped: no cloud offers more.
        let op = object.maker.as_ref().map(|maker| maker.op.as_str()).unwrap_or_default();
        let targets = |intent: &Intent| intent.target.as_ref().is_some_and(|target| target.as_str() == op);
        let is_about_to_go = STACKS.iter().any(|stack| self.checkers.state(stack).pending.values().any(targets));
        if meddling.replaced && !is_about_to_go && object.habit != Habit::Unmarked {
            let stranger = self.cloud.stranger(object.habit, object.fields.clone());
            let text = || format!("somebody makes {} in its place", stranger.clone().unwrap_or_default());
            self.scheduler.tell(Pid::OUTSIDE, Code(41), text);
            self.strangers().extend(stranger);
        }
    }

    /// What is to be imported is there from the beginning.
    fn make_strangers(&self) {
        for Job { command, version, .. } in self.case.writers.iter().flatten() {
            let program = self.case.programs.get(*version);
            if let Command::Import(number) = command
                && let Some(item) = program.and_then(|program| program.0.get(number))
            {
                self.cloud.stranger(item.habit(), item.fields(*number));
            }
        }
    }

    fn strangers(&self) -> MutexGuard<'_, Vec<String>> {
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What strangers have made is still there; they take it away now, so that names are free again.
    fn clear_away(&self) {
        for id in self.strangers().drain(..) {
            if !self.cloud.lose(&id) {
                self.checkers.report(Invariant::I12, format!("somebody else's {id} was deleted"));
            }
        }
    }

    /// Keeps what a process has said about its failure.
    pub fn complain(&self, text: &str) {
        text.clone_into(&mut self.complaint.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
