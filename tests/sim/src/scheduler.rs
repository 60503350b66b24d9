//! The scheduler: one thread and virtual time. What runs next among all that is ready is drawn from the seed.
//!
//! Every task belongs to a simulated process. A process can be killed, with everything it had in memory; stopped, so that it stands still
//! while the world goes on; or put to sleep with its machine, so that its clock stands still as well.

use crate::{
    promise::Promise,
    story::{Code, Story},
};
use fastrand::Rng;
use futures_util::future::LocalBoxFuture;
use std::{
    cell::RefCell,
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

/// A simulated process, by number. Number 0 is what stands outside: the network, and the people who start the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(pub u32);

impl Pid {
    /// What stands outside.
    pub const OUTSIDE: Self = Self(0);
}

/// Why a simulation came to no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stuck {
    /// Nothing is ready and nobody waits for a time.
    Standstill,
    /// More was done than any simulation should need.
    Endless,
    /// It was ended from outside.
    Halted,
}

/// How many polls a simulation may take.
const POLLS_MAX: u64 = 3_000_000;

/// The scheduler. Clones are the same one.
#[derive(Clone)]
pub struct Scheduler(Arc<Shared>);

struct Shared {
    inner: Mutex<Inner>,
    woken: Arc<Mutex<Vec<usize>>>,
    story: Story,
}

struct Inner {
    now_us: u64,
    rng: Rng,
    tasks: Vec<Option<Task>>,
    free: Vec<usize>,
    ready: Vec<usize>,
    due: BinaryHeap<Reverse<Due>>,
    numbered: u64,
    processes: Vec<Process>,
    /// Whose task is polled right now.
    current: Pid,
    halted: bool,
}

type Work = LocalBoxFuture<'static, ()>;

thread_local! {
    /// What the tasks do, by slot; absent while it is polled. Not everything that a task holds may change threads, and the scheduler itself
    /// has to be held by what may.
    static WORKS: RefCell<Vec<Option<Work>>> = const { RefCell::new(Vec::new()) };
}

fn take_work(slot: usize) -> Option<Work> {
    WORKS.with_borrow_mut(|works| works.get_mut(slot).and_then(Option::take))
}

fn put_work(slot: usize, work: Work) {
    WORKS.with_borrow_mut(|works| {
        if works.len() <= slot {
            works.resize_with(slot + 1, || None);
        }
        works[slot] = Some(work);
    });
}

struct Task {
    pid: Pid,
    waker: Waker,
    queued: bool,
}

#[derive(Default)]
struct Process {
    dead: bool,
    /// It stands still until then.
    still_until_us: u64,
    /// For how long its machine has slept, in all, before the last time.
    slept_us: u64,
    /// The last time that its machine sleeps: from when until when.
    asleep_us: (u64, u64),
    /// Who waits for its end.
    mourners: Vec<Promise<()>>,
}

struct Due {
    at_us: u64,
    number: u64,
    what: What,
}

enum What {
    Wake(Waker),
    Call(Box<dyn FnOnce() + Send>),
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at_us, self.number).cmp(&(other.at_us, other.number))
    }
}

struct Bell {
    task: usize,
    woken: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        lock(&self.woken).push(self.task);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX / 2)
}

impl Scheduler {
    /// A scheduler whose choices follow a seed.
    pub fn new(seed: u64, story: Story) -> Self {
        let inner = Inner {
            now_us: 0,
            rng: Rng::with_seed(seed),
            tasks: Vec::new(),
            free: Vec::new(),
            ready: Vec::new(),
            due: BinaryHeap::new(),
            numbered: 0,
            processes: vec![Process::default()],
            current: Pid::OUTSIDE,
            halted: false,
        };
        Self(Arc::new(Shared { inner: Mutex::new(inner), woken: Arc::default(), story }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.0.inner)
    }

    /// The timeline that everything is told to.
    pub fn story(&self) -> &Story {
        &self.0.story
    }

    /// Tells the timeline what happens in a process.
    pub fn tell(&self, pid: Pid, code: Code, text: impl FnOnce() -> String) {
        self.0.story.tell(self.inner().now_us, pid, code, text);
    }

    /// Virtual time since the beginning, in milliseconds.
    pub fn now_ms(&self) -> u64 {
        self.inner().now_us / 1000
    }

    /// A new process.
    pub fn process(&self) -> Pid {
        let mut inner = self.inner();
        inner.processes.push(Process::default());
        Pid(u32::try_from(inner.processes.len() - 1).unwrap_or(u32::MAX))
    }

    /// Ends the simulation here.
    pub fn halt(&self) {
        self.inner().halted = true;
    }

    /// The process whose task runs right now.
    pub fn current(&self) -> Pid {
        self.inner().current
    }

    /// Whether a process has been killed.
    pub fn is_dead(&self, pid: Pid) -> bool {
        self.inner().processes[pid.0 as usize].dead
    }

    /// The processes that were not killed.
    pub fn living(&self) -> Vec<Pid> {
        let inner = self.inner();
        let numbered = inner.processes.iter().zip(0..).skip(1);
        numbered.filter(|(process, _)| !process.dead).map(|(_, number)| Pid(number)).collect()
    }

    /// The clock of a process's machine that stands still while the machine sleeps, in milliseconds.
    pub fn awake_ms(&self, pid: Pid) -> u64 {
        let inner = self.inner();
        inner.awake_us(pid) / 1000
    }

    /// Starts a task of a process.
    pub fn spawn(&self, pid: Pid, work: LocalBoxFuture<'static, ()>) {
        let mut inner = self.inner();
        if inner.processes[pid.0 as usize].dead {
            drop(inner);
            return drop(work);
        }
        let slot = inner.free.pop().unwrap_or_else(|| {
            inner.tasks.push(None);
            inner.tasks.len() - 1
        });
        let waker = Waker::from(Arc::new(Bell { task: slot, woken: self.0.woken.clone() }));
        inner.tasks[slot] = Some(Task { pid, waker, queued: true });
        inner.ready.push(slot);
        drop(inner);
        put_work(slot, work);
    }

    /// Does something later, whatever has become of the process that asked for it.
    pub fn after(&self, delay: Duration, call: impl FnOnce() + Send + 'static) {
        self.inner().at(delay, What::Call(Box::new(call)));
    }

    /// Waits by the clock of a process's machine.
    pub fn sleep(&self, pid: Pid, time: Duration) -> Sleep {
        let until_us = self.inner().awake_us(pid) + micros(time);
        Sleep { scheduler: self.clone(), pid, until_us, rings_us: 0 }
    }

    /// Ends a process: nothing of it runs any more, and what it had in memory is gone.
    pub fn kill(&self, pid: Pid) {
        let mut inner = self.inner();
        let process = &mut inner.processes[pid.0 as usize];
        process.dead = true;
        let mourners = std::mem::take(&mut process.mourners);
        let slots = 0..inner.tasks.len();
        let theirs: Vec<usize> =
            slots.filter(|slot| inner.tasks[*slot].as_ref().is_some_and(|task| task.pid == pid)).collect();
        // The task that is polled right now is dropped when it comes back.
        drop(inner);
        let gone: Vec<Work> = theirs.into_iter().filter_map(take_work).collect();
        drop(gone);
        mourners.iter().for_each(|mourner| mourner.keep(()));
    }

    /// Waits until a process is killed.
    pub fn death(&self, pid: Pid) -> Promise<()> {
        let promise = Promise::default();
        let mut inner = self.inner();
        let process = &mut inner.processes[pid.0 as usize];
        if process.dead {
            drop(inner);
            promise.keep(());
        } else {
            process.mourners.push(promise.clone());
        }
        promise
    }

    /// Lets a process stand still for a time, as SIGSTOP does: the clocks go on.
    pub fn stop(&self, pid: Pid, time: Duration) {
        let mut inner = self.inner();
        let until_us = inner.now_us + micros(time);
        let process = &mut inner.processes[pid.0 as usize];
        process.still_until_us = process.still_until_us.max(until_us);
    }

    /// Puts a process's machine to sleep for a time: its clocks stand still, except for the one that counts sleep.
    pub fn suspend(&self, pid: Pid, time: Duration) {
        let mut inner = self.inner();
        let now_us = inner.now_us;
        let until_us = inner.now_us + micros(time);
        let process = &mut inner.processes[pid.0 as usize];
        let (from, until) = process.asleep_us;
        if now_us < until {
            process.asleep_us = (from, until.max(until_us));
        } else {
            process.slept_us += until - from;
            process.asleep_us = (now_us, until_us);
        }
        process.still_until_us = process.still_until_us.max(until_us);
    }

    /// Runs until the work from outside is done; what other processes still do is dropped then.
    ///
    /// # Errors
    /// When it would never be done.
    pub fn run<T: 'static>(&self, main: impl Future<Output = T> + 'static) -> Result<T, Stuck> {
        let result = Rc::new(RefCell::new(None));
        let place = result.clone();
        self.spawn(
            Pid::OUTSIDE,
            Box::pin(async move {
                let value = main.await;
                place.replace(Some(value));
            }),
        );
        let ended = (0..POLLS_MAX).find_map(|_| match result.take() {
            Some(value) => Some(Ok(value)),
            None => self.step().err().map(Err),
        });
        self.clear();
        ended.unwrap_or(Err(Stuck::Endless))
    }

    /// Polls one task, or lets time go on to what is due next.
    fn step(&self) -> Result<(), Stuck> {
        let mut inner = self.inner();
        if inner.halted {
            return Err(Stuck::Halted);
        }
        inner.take_woken(&self.0.woken);
        if inner.ready.is_empty() {
            let Some(Reverse(due)) = inner.due.pop() else { return Err(Stuck::Standstill) };
            inner.now_us = inner.now_us.max(due.at_us);
            drop(inner);
            match due.what {
                What::Wake(waker) => waker.wake(),
                What::Call(call) => call(),
            }
            return Ok(());
        }
        let count = inner.ready.len();
        let choice = if count == 1 { 0 } else { inner.rng.usize(0..count) };
        let slot = inner.ready.swap_remove(choice);
        if inner.put_off(slot) {
            return Ok(());
        }
        let Some(task) = inner.tasks[slot].as_mut() else { return Ok(()) };
        task.queued = false;
        let (waker, pid) = (task.waker.clone(), task.pid);
        inner.current = pid;
        drop(inner);
        self.poll(slot, &waker, take_work(slot));
        Ok(())
    }

    fn poll(&self, slot: usize, waker: &Waker, work: Option<Work>) {
        let ended = work.map(|mut work| match work.as_mut().poll(&mut Context::from_waker(waker)) {
            Poll::Pending => Some(work),
            Poll::Ready(()) => None,
        });
        let mut inner = self.inner();
        inner.current = Pid::OUTSIDE;
        let Some(pid) = inner.tasks[slot].as_ref().map(|task| task.pid) else { return };
        match ended {
            Some(Some(work)) if !inner.processes[pid.0 as usize].dead => {
                drop(inner);
                put_work(slot, work);
            }
            left => {
                inner.tasks[slot] = None;
                // Wakers of the former task may still ring; a task that is polled for nothing loses nothing.
                inner.free.push(slot);
                inner.ready.retain(|ready| *ready != slot);
                drop(inner);
                drop(left);
            }
        }
    }

    /// Drops every task, so that values which hold the scheduler and are held by it go.
    fn clear(&self) {
        let mut inner = self.inner();
        let (tasks, due) = (std::mem::take(&mut inner.tasks), std::mem::take(&mut inner.due));
        inner.free.clear();
        inner.ready.clear();
        for process in &mut inner.processes {
            process.dead = true;
        }
        drop(inner);
        drop((tasks, due));
        drop(WORKS.take());
        let mut inner = self.inner();
        inner.processes[0].dead = false;
    }
}

impl Inner {
    fn awake_us(&self, pid: Pid) -> u64 {
        let Process { slept_us, asleep_us: (from, until), .. } = &self.processes[pid.0 as usize];
        self.now_us - slept_us - (self.now_us.clamp(*from, *until) - from)
    }

    fn at(&mut self, delay: Duration, what: What) {
        self.numbered += 1;
        let due = Due { at_us: self.now_us + micros(delay), number: self.numbered, what };
        self.due.push(Reverse(due));
    }

    fn take_woken(&mut self, woken: &Mutex<Vec<usize>>) {
        for slot in lock(woken).drain(..) {
            if let Some(Some(task)) = self.tasks.get_mut(slot)
                && !task.queued
            {
                task.queued = true;
                self.ready.push(slot);
            }
        }
    }

    /// Leaves a task for later when its process stands still.
    fn put_off(&mut self, slot: usize) -> bool {
        let Some(task) = self.tasks[slot].as_mut() else { return true };
        let until_us = self.processes[task.pid.0 as usize].still_until_us;
        if until_us <= self.now_us {
            return false;
        }
        task.queued = false;
        let waker = task.waker.clone();
        self.at(Duration::from_micros(until_us - self.now_us), What::Wake(waker));
        true
    }
}

/// A wait by the clock of a process's machine.
pub struct Sleep {
    scheduler: Scheduler,
    pid: Pid,
    until_us: u64,
    /// When the scheduler will wake it; 0 before it was asked to.
    rings_us: u64,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let scheduler = self.scheduler.clone();
        let mut inner = scheduler.inner();
        let now_us = inner.awake_us(self.pid);
        if now_us >= self.until_us {
            return Poll::Ready(());
        }
        // Who is polled for other reasons has been put down already, and stays with the same waker. A machine that sleeps meanwhile wakes too
        // early by this; it looks at the clock again then.
        if inner.now_us >= self.rings_us {
            let left_us = self.until_us - now_us;
            self.rings_us = inner.now_us + left_us;
            inner.at(Duration::from_micros(left_us), What::Wake(context.waker().clone()));
        }
        Poll::Pending
    }
}
