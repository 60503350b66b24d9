//! Named things that are changed one at a time, while their status can be read at any moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A set of named places, each empty or filled.
pub(crate) struct Slots<T>(Mutex<BTreeMap<String, Arc<Slot<T>>>>);

/// One place.
pub(crate) struct Slot<T> {
    /// Held through a whole change, which may take as long as a graceful stop.
    pub(crate) change: tokio::sync::Mutex<()>,
    value: Mutex<Option<Arc<T>>>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }
}

impl<T> Slots<T> {
    /// The place of this name; an empty one is made if there is none.
    pub(crate) fn slot(&self, name: &str) -> Arc<Slot<T>> {
        let empty = || Arc::new(Slot { change: tokio::sync::Mutex::default(), value: Mutex::new(None) });
        Arc::clone(lock(&self.0).entry(name.to_owned()).or_insert_with(empty))
    }

    /// What fills the place of this name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<T>> {
        lock(&self.0).get(name).and_then(|slot| slot.get())
    }

    /// All that is filled, by name.
    pub(crate) fn all(&self) -> BTreeMap<String, Arc<T>> {
        lock(&self.0).iter().filter_map(|(name, slot)| Some((name.clone(), slot.get()?))).collect()
    }
}

impl<T> Slot<T> {
    pub(crate) fn get(&self) -> Option<Arc<T>> {
        lock(&self.value).clone()
    }

    /// Fills or empties the place and gives back what was there.
    pub(crate) fn set(&self, value: Option<T>) -> Option<Arc<T>> {
        std::mem::replace(&mut *lock(&self.value), value.map(Arc::new))
    }
}

/// Locks, also after a panic elsewhere: no holder leaves its data half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
