//! Commands beside `up`, each as the command line carries it out: what is done already is well done.

use super::Process;
use crate::{case::STACKS, cloud::Habit, program::Program};
use std::{collections::BTreeMap, sync::Arc};
use terrane_core::{State, Urn, plan::Purpose};
use terrane_engine::{Ending, Error, PlanOptions};
use terrane_state::secrets::KeyChange;

impl Process {
    fn project(&self) -> &str {
        &self.session.project().name
    }

    fn other_stack(&self) -> &'static str {
        STACKS[1 - self.job.stack]
    }

    async fn state(&self) -> Result<State, Error> {
        Ok(self.session.state().await?.unwrap_or_default())
    }

    /// Adopts what stands under the name of a resource and is nobody's.
    pub(super) async fn import(&self, number: usize) -> Result<Ending, Error> {
        let Some(item) = self.asked.0.get(&number) else { return Ok(Ending::Done) };
        let (habit, name) = (item.habit(), item.name(number));
        if self.state().await?.live.keys().any(|urn| urn.name() == name) {
            return Ok(Ending::Done);
        }
        let Some(id) = self.stranger(habit, &name) else { return Ok(Ending::Done) };
        let imports = BTreeMap::from([(name.clone(), id)]);
        self.up("import", PlanOptions { targets: vec![name], imports, ..PlanOptions::new(Purpose::Up) }).await
    }

    fn stranger(&self, habit: Habit, name: &str) -> Option<String> {
        let objects = self.simulation.cloud.objects().into_iter();
        let mut named = objects.filter(|it| it.maker.is_none() && it.habit == habit && it.fields.name == name);
        named.next().map(|object| object.id)
    }

    /// Goes back to the last state that was all of one version; brings that version up where none is kept.
    pub(super) async fn roll_back(&self) -> Result<Ending, Error> {
        let mut past = None;
        for point in self.store.restore_points(self.project(), self.session.stack()).await?.into_iter().rev() {
            let state = self.store.read_at(self.project(), self.session.stack(), point.seq).await?;
            if is_all_of(&state, &self.asked) {
                past = Some(Arc::new(state));
                break;
            }
        }
        self.up("up", PlanOptions { rollback: past, ..PlanOptions::new(Purpose::Up) }).await
    }

    /// Gives a resource, under whatever name it has by now, to the other stack.
    pub(super) async fn give_away(&self, number: usize) -> Result<(), Error> {
        let (command, events, to) = ("state mv", self.events(), self.other_stack());
        let give = async || {
            self.session.recover(command, &events).await?;
            let state = self.state().await?;
            let chosen = state.live.keys().filter(|urn| Program::number_of(urn.name()) == Some(number));
            let urns: BTreeMap<Urn, Urn> = chosen.map(|urn| (urn.clone(), urn.in_stack(to, self.project()))).collect();
            if urns.is_empty() {
                return Ok(());
            }
            self.session.move_to(to, urns, &events).await
        };
        self.insisting(command, give).await
    }

    /// Gives the stack the other one's name.
    pub(super) async fn rename(&self) -> Result<(), Error> {
        let (command, events, to) = ("stack rename", self.events(), self.other_stack());
        self.store.copy_keys(self.project(), self.session.stack(), to).await?;
        let rename = async || {
            let Some(state) = self.session.state().await? else { return Ok(()) };
            let is_begun = state.next_name().is_some();
            self.session.recover(command, &events).await?;
            if is_begun { Ok(()) } else { self.session.rename_to(to, &events).await }
        };
        self.insisting(command, rename).await
    }

    /// Puts every secret under a new key, where there are any.
    pub(super) async fn rotate(&self) -> Result<(), Error> {
        if self.store.keys(self.project(), self.session.stack()).await?.is_none() {
            return Ok(());
        }
        self.session.change_keys("secrets rotate", &KeyChange::Rotate, &self.events()).await.map(drop)
    }

    /// Takes the stack from whoever works on it.
    pub(super) async fn unlock(&self) -> Result<(), Error> {
        if let Some(held) = self.store.held(self.project(), self.session.stack()).await? {
            self.store.unlock(self.project(), self.session.stack(), &held.holder).await?;
        }
        Ok(())
    }
}

/// Whether a state has what a version declares, and nothing else.
fn is_all_of(state: &State, program: &Program) -> bool {
    let has = |number: usize, value: u32| {
        let mut named = state.live.values().filter(|instance| Program::number_of(instance.urn.name()) == Some(number));
        let value = format!("v{value}");
        let is_it = |text: &str| text.split(' ').next() == Some(value.as_str());
        named.any(|instance| {
            !instance.unsettled && instance.inputs.get("value").is_some_and(|it| it.as_str().is_some_and(is_it))
        })
    };
    let is_whole = !state.is_cut_off() && state.condemned.is_empty() && state.live.len() == program.0.len();
    is_whole && program.0.iter().all(|(number, item)| has(*number, item.value))
}
