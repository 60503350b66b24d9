//! How many calls a provider gets at once: halved when it throttles, grown again while it doesn't.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The limits of all providers of a run.
#[derive(Default)]
pub(crate) struct Limits(Mutex<HashMap<String, Limit>>);

struct Limit {
    most: usize,
    running: usize,
    /// Calls that ended well since the limit last changed.
    well: usize,
}

/// No limit until a provider throttles.
const UNLIMITED: usize = usize::MAX;

impl Limits {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Limit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one more call may start.
    pub(crate) fn admits(&self, provider: &str) -> bool {
        self.all().get(provider).is_none_or(|limit| limit.running < limit.most)
    }

    pub(crate) fn started(&self, provider: &str) {
        let mut all = self.all();
        match all.get_mut(provider) {
            Some(limit) => limit.running += 1,
            None => drop(all.insert(provider.to_owned(), Limit { most: UNLIMITED, running: 1, well: 0 })),
        }
    }

    pub(crate) fn ended(&self, provider: &str) {
        if let Some(limit) = self.all().get_mut(provider) {
            limit.running = limit.running.saturating_sub(1);
            limit.well += 1;
            if limit.most != UNLIMITED && limit.well >= limit.most {
                (limit.most, limit.well) = (limit.most + 1, 0);
            }
        }
    }

    pub(crate) fn throttled(&self, provider: &str) {
        if let Some(limit) = self.all().get_mut(provider) {
            limit.most = (limit.most.min(limit.running) / 2).max(1);
            limit.well = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttled_provider_gets_half_and_earns_it_back() {
        let limits = Limits::default();
        for _ in 0..8 {
            limits.started("aws");
        }
        limits.throttled("aws");
        assert!(!limits.admits("aws") && limits.admits("local"));
        for _ in 0..5 {
            limits.ended("aws");
        }
        assert!(limits.admits("aws"), "three are running, five may");
    }
}
