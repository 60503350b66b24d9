//! Rollouts at run time: whose turn it is, and the gates between turns.

use super::{queue::Queue, verb::Calls};
use crate::{
    What,
    plan::schedule::{Order, Part},
};
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use petgraph::graph::NodeIndex;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};
use terrane_core::{
    Error, Facts, Gate, Graph, Plan, Progress, Rollout,
    plan::{Op, Purpose},
    rollout::Health,
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
    /// The tasks that each member still has.
    left: BTreeMap<usize, usize>,
    /// The members whose turn it is.
    active: Vec<usize>,
    gate: Door,
}

#[derive(PartialEq, Eq)]
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
        let turn = |rollout| Turn { rollout, left: BTreeMap::new(), active: Vec::new(), gate: Door::Shut };
        let mut turns =
            Self { rollouts: graph.rollouts.iter().map(turn).collect(), places: HashMap::new(), looking: FuturesUnordered::new() };
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
        let members = self.rollouts[rollout].rollout.members();
        // A member that has left the program has its turn after the others.
        let member = members.iter().position(|known| known == member).unwrap_or(members.len() + task.index());
        *self.rollouts[rollout].left.entry(member).or_default() += 1;
        self.places.insert(task, (rollout, member));
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

    /// Looks at the gates that the next turns wait for; whether any look is under way.
    pub(crate) fn open_gates(&mut self, facts: &Facts, calls: &Arc<Calls>) -> bool {
        for (at, turn) in self.rollouts.iter_mut().enumerate() {
            let wants = turn.gate == Door::Shut && !turn.left.is_empty() && turn.active.len() < turn.rollout.width();
            if wants {
                let waiting: Vec<usize> = turn.left.keys().copied().collect();
                let look = look(turn.rollout.clone(), facts.clone(), calls.clone(), waiting);
                turn.gate = Door::Looking;
                self.looking.push(Box::pin(async move { (at, look.await) }));
            }
        }
        !self.looking.is_empty()
    }

    /// The next verdict; never, when nobody is looking.
    pub(crate) async fn next_verdict(&mut self) -> (usize, Verdict) {
        match self.looking.next().await {
            Some(verdict) => verdict,
            None => std::future::pending().await,
        }
    }

    /// Gives the next turn, to the preferred member if there is one, else to the first that has a task ready, else to the first.
    pub(crate) fn give(&mut self, rollout: usize, preferred: Option<usize>, queue: &mut Queue) {
        let ready: Vec<usize> = queue.ready().filter_map(|task| self.places.get(&task)).filter(|p| p.0 == rollout).map(|p| p.1).collect();
        let turn = &mut self.rollouts[rollout];
        let idle = turn.left.keys().copied().filter(|member| !turn.active.contains(member));
        let candidates: Vec<usize> = idle.collect();
        let first_ready = candidates.iter().find(|member| ready.contains(member)).or_else(|| candidates.first());
        let next = preferred.filter(|member| candidates.contains(member)).or_else(|| first_ready.copied());
        turn.active.extend(next);
        turn.gate = if turn.active.len() < turn.rollout.width() { Door::Shut } else { Door::Open };
    }

    /// Nobody of this rollout goes any more.
    pub(crate) fn close(&mut self, rollout: usize) {
        self.rollouts[rollout].gate = Door::Closed;
    }

    /// When everything stands still because members wait for each other against their order, lets one more go.
    pub(crate) fn overrule(&mut self, queue: &mut Queue) -> bool {
        let stuck = queue.ready().find_map(|task| self.places.get(&task).copied());
        let Some((rollout, member)) = stuck else { return false };
        let turn = &mut self.rollouts[rollout];
        if turn.gate == Door::Closed || turn.active.contains(&member) {
            return false;
        }
        turn.active.push(member);
        true
    }
}

/// Looks at a gate until it opens, for everybody or for a member that is unwell itself.
async fn look(rollout: Rollout, facts: Facts, calls: Arc<Calls>, waiting: Vec<usize>) -> Verdict {
    let Some(gate) = rollout.gated_by() else { return Ok(None) };
    let began = calls.world.clock_ms();
    loop {
        let health = match once(gate, &facts, &rollout, &calls).await {
            None => return Ok(None),
            Some(Ok(health)) => health,
            Some(Err(error)) => Health { healthy: false, text: error.to_string(), unhealthy: Vec::new() },
        };
        if health.healthy {
            return Ok(None);
        }
        let unwell = |member: &&usize| rollout.members().get(**member).is_some_and(|name| health.unhealthy.contains(name));
        if let Some(member) = waiting.iter().find(unwell) {
            return Ok(Some(*member));
        }
        calls.events.tell(What::GateWaiting { rollout: rollout.name().to_owned(), text: health.text.clone() });
        if calls.world.clock_ms() - began > u64::try_from(GATE_LIMIT.as_millis()).unwrap_or(u64::MAX) {
            return Err(Error::new(format!("not healthy after {} s: {}", GATE_LIMIT.as_secs(), health.text)).code("T0307"));
        }
        calls.world.sleep(GATE_PAUSE).await;
    }
}

async fn once(gate: &Gate, facts: &Facts, rollout: &Rollout, calls: &Arc<Calls>) -> Option<terrane_core::Result<Health>> {
    let (events, name) = (calls.events.clone(), rollout.name().to_owned());
    let progress = Progress::to(move |text| events.tell(What::GateWaiting { rollout: name.clone(), text: text.to_owned() }));
    Some(gate.look(facts, progress)?.await)
}
