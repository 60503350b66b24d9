//! A store in memory: for tests of programs and for the engine's own.

use crate::{Error, Export, Held, Holder, Journal, RestorePoint, Store, export};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use terrane_core::{Plan, Properties, Record, State, state::Lineage};

type Stacks = BTreeMap<(String, String), Kept>;

#[derive(Default)]
struct Kept {
    state: State,
    records: Vec<Record>,
    holder: Option<Holder>,
}

/// Stacks that live as long as the value. Clones share them.
#[derive(Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Stacks>>);

impl MemoryStore {
    fn stacks_mut(&self) -> MutexGuard<'_, Stacks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every record of a stack, for tests.
    pub fn records(&self, project: &str, stack: &str) -> Vec<Record> {
        let key = (project.to_owned(), stack.to_owned());
        self.stacks_mut().get(&key).map(|kept| kept.records.clone()).unwrap_or_default()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    async fn stacks(&self, project: &str) -> Result<Vec<String>, Error> {
        Ok(self.stacks_mut().keys().filter(|(of, _)| of == project).map(|(_, stack)| stack.clone()).collect())
    }

    async fn read(&self, project: &str, stack: &str) -> Result<Option<State>, Error> {
        let key = (project.to_owned(), stack.to_owned());
        Ok(self.stacks_mut().get(&key).map(|kept| kept.state.clone()))
    }

    async fn open(&self, project: &str, stack: &str, holder: &Holder) -> Result<Arc<dyn Journal>, Error> {
        let key = (project.to_owned(), stack.to_owned());
        let mut stacks = self.stacks_mut();
        let lineage = Lineage::new(format!("memory-{}", stacks.len() + 1));
        let kept = stacks.entry(key.clone()).or_insert_with(|| Kept { state: State::new(lineage), ..Kept::default() });
        if let Some(holder) = &kept.holder {
            return Err(Error::Locked { holder: Some(Box::new(holder.clone())) });
        }
        kept.holder = Some(holder.clone());
        Ok(Arc::new(MemoryJournal { store: self.clone(), key, opened: kept.state.clone() }))
    }

    async fn held(&self, project: &str, stack: &str) -> Result<Option<Held>, Error> {
        let key = (project.to_owned(), stack.to_owned());
        let holder = self.stacks_mut().get(&key).and_then(|kept| kept.holder.clone());
        Ok(holder.map(|holder| Held { holder, silent_ms: 0, takeover_in_ms: None }))
    }

    async fn unlock(&self, project: &str, stack: &str, _: &Holder) -> Result<bool, Error> {
        match self.held(project, stack).await? {
            Some(held) => Err(Error::Locked { holder: Some(Box::new(held.holder)) }),
            None => Ok(false),
        }
    }

    async fn restore_points(&self, _: &str, _: &str) -> Result<Vec<RestorePoint>, Error> {
        Ok(Vec::new())
    }

    async fn read_at(&self, _: &str, _: &str, seq: u64) -> Result<State, Error> {
        Err(Error::NoRestorePoint { place: self.place(), seq })
    }

    async fn remove(&self, project: &str, stack: &str, _: &Holder) -> Result<(), Error> {
        self.stacks_mut().remove(&(project.to_owned(), stack.to_owned()));
        Ok(())
    }

    async fn seal_plan(&self, _: &mut Plan) -> Result<(), Error> {
        Ok(())
    }

    async fn open_plan(&self, _: &mut Plan) -> Result<(), Error> {
        Ok(())
    }

    async fn seal_export(&self, project: &str, stack: &str, mut state: State) -> Result<Export, Error> {
        state.visit_secrets(&mut refuse_secrets)?;
        Ok(Export { format: export::FORMAT, project: project.to_owned(), stack: stack.to_owned(), keys: None, state })
    }

    async fn open_export(&self, mut export: Export) -> Result<State, Error> {
        export.state.visit_secrets(&mut refuse_secrets)?;
        Ok(export.state)
    }
}

/// There is no key in memory, so a secret can't leave it.
fn refuse_secrets(_: &str, properties: &mut Properties) -> Result<(), Error> {
    match properties.secret.is_empty() {
        true => Ok(()),
        false => {
            Err(Error::Place { url: "memory".to_owned(), why: "it has no key for the secrets of an export".to_owned() })
        }
    }
}

struct MemoryJournal {
    store: MemoryStore,
    key: (String, String),
    opened: State,
}

#[async_trait]
impl Journal for MemoryJournal {
    fn state(&self) -> State {
        self.opened.clone()
    }

    async fn commit(&self, records: Vec<Record>) -> Result<(), Error> {
        let mut stacks = self.store.stacks_mut();
        let kept = stacks.entry(self.key.clone()).or_default();
        for record in records {
            kept.state.apply(&record)?;
            kept.records.push(record);
        }
        Ok(())
    }

    async fn seal(&self, _: &State) -> Result<(), Error> {
        Ok(())
    }
}

impl Drop for MemoryJournal {
    fn drop(&mut self) {
        if let Some(kept) = self.store.stacks_mut().get_mut(&self.key) {
            kept.holder = None;
        }
    }
}
