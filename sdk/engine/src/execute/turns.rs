//! Rollouts at run time: whose turn it is, and the gates between turns.

use super::{queue::Queue, verb::Calls};
use crate::{
    What,
    panics::catch_in,
    plan::schedule::{Order, Part},
};
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use petgraph::graph::NodeIndex;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};
use terrane_core::{
    Error, Facts, Gate, Graph, Plan, Progress, Rollout,
    plan::{Op, Purpose},
    rollout::Health,
    secret::redact,
};

/// How long a gate may stay shut.
const GATE_LIMIT: Duration = Duration::from_secs(10 * 60);
/// How long between two looks at a shut gate.
const GATE_PAUSE: Duration = Duration::from_millis(250);

/// The verdict of a gate: open, perhaps only for one member, or shut for good.
type Verdict = Result<Option<usize>, Error>;

/// The rollouts of a plan.
pub(crate) struct Turns<'a> {
    rollouts: Vec<Turn<'a>>,
    /// The rollout and member of each task that must wait for its turn.
    places: HashMap<NodeIndex, (usize, usize)>,
    looking: FuturesUnordered<BoxFuture<'static, (usize, Verdict)>>,
}

struct Turn<'a> {
    rollout: &'a Rollout,
    /// Members that have left the program: they have their turns after the others.
    gone: Vec<String>,
    /// The tasks that each member still has.
    left: BTreeMap<usize, usize>,
    /// The members whose turn it is.
    active: Vec<usize>,
    gate: Door,
    /// Whether the gate has anything to watch over: a group that goes as a whole need not be healthy.
    stays: bool,
    /// Whether a member has had its turn.
    touched: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Door {
    /// The next member needs a look first.
    Shut,
    /// Somebody is looking.
    Looking,
    /// The next member may go.
    Open,
    /// Nobody goes any more.
    Closed,
}

impl<'a> Turns<'a> {
    pub(crate) fn new(plan: &Plan, graph: &'a Graph, order: &Order) -> Self {
        let staying: BTreeSet<usize> =
            graph.nodes.iter().filter_map(|node| node.turn).map(|(rollout, _)| rollout).collect();
        let turn = |(at, rollout)| {
            let (gone, left, active, stays) = (Vec::new(), BTreeMap::new(), Vec::new(), staying.contains(&at));
            Turn { rollout, gone, left, active, gate: Door::Shut, stays, touched: false }
        };
        let rollouts = graph.rollouts.iter().enumerate().map(turn).collect();
        let mut turns = Self { rollouts, places: HashMap::new(), looking: FuturesUnordered::new() };
        // Whoever takes everything away need not keep it healthy.
        if plan.purpose == Purpose::Up {
            for task in order.node_indices() {
                turns.place(plan, order, task);
            }
        }
        turns
    }

    fn place(&mut self, plan: &Plan, order: &Order, task: NodeIndex) {
        let step = &plan.steps[order[task].step];
        let waits = match (step.op, order[task].part) {
            (Op::Update | Op::Replace { .. } | Op::Delete, _) => true,
            (Op::Same | Op::Create | Op::Import | Op::Forget, Part::Make | Part::Remove) => false,
        };
        let Some((name, member)) = step.kept.turn.as_ref().filter(|_| waits) else { return };
        let Some(rollout) = self.rollouts.iter().position(|turn| turn.rollout.name() == name) else { return };
        let member = self.rollouts[rollout].member(member);
        *self.rollouts[rollout].left.entry(member).or_default() += 1;
        self.places.insert(task, (rollout, member));
    }

    /// The rollout and member whose turn a task waits for.
    pub(crate) fn place_of(&self, task: NodeIndex) -> Option<(usize, usize)> {
        self.places.get(&task).copied()
    }

    /// Whether a task may start now.
    pub(crate) fn admits(&self, task: NodeIndex) -> bool {
        self.places.get(&task).is_none_or(|(rollout, member)| self.rollouts[*rollout].active.contains(member))
    }

    /// Takes note that a task has ended, well or not.
    pub(crate) fn finished(&mut self, task: NodeIndex) {
        let Some((rollout, member)) = self.places.remove(&task) else { return };
        let turn = &mut self.rollouts[rollout];
        if let Some(left) = turn.left.get_mut(&member) {
            *left -= 1;
            if *left == 0 {
                turn.left.remove(&member);
                let was_active = turn.active.contains(&member);
                turn.active.retain(|active| *active != member);
                if was_active && turn.gate == Door::Open {
                    turn.gate = Door::Shut;
                }
            }
        }
    }

    /// Looks at the gates that the next turns wait for; whether any look is under way. A look is worth something only when a member can go
    /// at once: that is the next in order or, when everything stands still because members wait for each other, any that is ready.
    pub(crate) fn open_gates(&mut self, facts: &Facts, queue: &Queue, calls: &Arc<Calls>, standstill: bool) -> bool {
        let ready: BTreeSet<(usize, usize)> = queue.heads().filter_map(|task| self.place_of(task)).collect();
        for (at, turn) in self.rollouts.iter_mut().enumerate() {
            let waiting: Vec<usize> = turn.waiting().collect();
            let is_ready = |member: &usize| ready.contains(&(at, *member));
            let next_can = turn.gate == Door::Shut && turn.has_room() && waiting.first().is_some_and(is_ready);
            let any_must = standstill && matches!(turn.gate, Door::Shut | Door::Open) && waiting.iter().any(is_ready);
            let last_is_done = turn.gate == Door::Shut && turn.touched && turn.left.is_empty();
            if next_can || any_must || last_is_done {
                let first = waiting.iter().copied().find(is_ready);
                turn.gate = Door::Looking;
                let gate = turn.rollout.gated_by().filter(|_| turn.stays).cloned();
                let look = look(turn.rollout.clone(), gate, facts.clone(), calls.clone(), waiting);
                self.looking.push(Box::pin(async move { (at, look.await.map(|unwell| unwell.or(first))) }));
            }
        }
        !self.looking.is_empty()
    }

    /// Whether no rollout has begun.
    pub(crate) fn at_rest(&self) -> bool {
        self.looking.is_empty() && self.rollouts.iter().all(|turn| !turn.touched)
    }

    /// The next verdict; never, when nobody is looking.
    pub(crate) async fn next_verdict(&mut self) -> (usize, Verdict) {
        match self.looking.next().await {
            Some(verdict) => verdict,
            None => std::future::pending().await,
        }
    }

    /// Gives a turn.
    pub(crate) fn give(&mut self, rollout: usize, member: Option<usize>) {
        let turn = &mut self.rollouts[rollout];
        turn.active.extend(member);
        turn.touched = true;
        turn.gate = match (member, turn.has_room()) {
            (None, _) => Door::Closed,
            (Some(_), true) => Door::Shut,
            (Some(_), false) => Door::Open,
        };
    }

    /// Nobody of this rollout goes any more.
    pub(crate) fn close(&mut self, rollout: usize) {
        self.rollouts[rollout].gate = Door::Closed;
    }
}

impl Turn<'_> {
    /// The place of a member in the order of turns.
    fn member(&mut self, name: &str) -> usize {
        let members = self.rollout.members();
        let known = members.iter().chain(&self.gone).position(|member| member == name);
        known.unwrap_or_else(|| {
            self.gone.push(name.to_owned());
            members.len() + self.gone.len() - 1
        })
    }

    /// The members that still have to go, in order.
    fn waiting(&self) -> impl Iterator<Item = usize> + '_ {
        self.left.keys().copied().filter(|member| !self.active.contains(member))
    }

    fn has_room(&self) -> bool {
        self.active.len() < self.rollout.width()
    }
}

/// Looks at a gate until it opens, for everybody or for a member that is unwell itself.
async fn look(rollout: Rollout, gate: Option<Gate>, facts: Facts, calls: Arc<Calls>, waiting: Vec<usize>) -> Verdict {
    let Some(gate) = gate else { return Ok(None) };
    let began = calls.world.clock_ms();
    loop {
        let health = match once(&gate, &facts, &rollout, &calls).await {
            None => return Ok(None),
            Some(Ok(health)) => health,
            Some(Err(error)) => Health { healthy: false, text: error.to_string(), unhealthy: Vec::new() },
        };
        if health.healthy {
            return Ok(None);
        }
        let unwell =
            |member: &&usize| rollout.members().get(**member).is_some_and(|name| health.unhealthy.contains(name));
        if let Some(member) = waiting.iter().find(unwell) {
            return Ok(Some(*member));
        }
        let text = redact(&health.text).into_owned();
        calls.events.tell(What::GateWaiting { rollout: rollout.name().to_owned(), text });
        if calls.world.clock_ms() - began > u64::try_from(GATE_LIMIT.as_millis()).unwrap_or(u64::MAX) {
            return Err(
                Error::new(format!("not healthy after {} s: {}", GATE_LIMIT.as_secs(), health.text)).code("T0307")
            );
        }
        calls.world.sleep(GATE_PAUSE).await;
    }
}

async fn once(
    gate: &Gate,
    facts: &Facts,
    rollout: &Rollout,
    calls: &Arc<Calls>,
) -> Option<terrane_core::Result<Health>> {
    let (events, name) = (calls.events.clone(), rollout.name().to_owned());
    let progress =
        Progress::to(move |text| events.tell(What::GateWaiting { rollout: name.clone(), text: text.to_owned() }));
    let looked = catch_in(gate.look(facts, progress)?).await;
    Some(looked.unwrap_or_else(|panic| Err(Error::new(format!("the gate's own code panicked{panic}")))))
}
