//! Connections to providers: each made once a run, when the first call needs it.

use crate::plan::missing;
use serde_json::{Map, Value};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use terrane_core::{AnyKind, Error, KindSpec, ProviderSpec, Result, kind::Connected};
use tokio::sync::OnceCell;

type Slot = Arc<OnceCell<Connected>>;

/// The providers that a run can reach.
pub(crate) struct Connections {
    specs: HashMap<&'static str, &'static ProviderSpec>,
    kinds: HashMap<&'static str, &'static KindSpec>,
    slots: Mutex<HashMap<String, Slot>>,
}

impl Connections {
    pub(crate) fn new(specs: impl IntoIterator<Item = &'static ProviderSpec>) -> Self {
        let specs: HashMap<_, _> = specs.into_iter().map(|spec| (spec.name, spec)).collect();
        let kinds = specs.values().flat_map(|spec| (spec.kinds)()).map(|kind| (kind.kind, kind)).collect();
        Self { specs, kinds, slots: Mutex::default() }
    }

    /// What is constant about a kind.
    pub(crate) fn kind_spec(&self, kind: &str) -> Option<&'static KindSpec> {
        self.kinds.get(kind).copied()
    }

    /// A kind of a provider with these settings.
    pub(crate) async fn kind(&self, key: &str, settings: &Map<String, Value>, kind: &str) -> Result<Arc<dyn AnyKind>> {
        let name = kind.split(':').next().unwrap_or_default();
        let spec = self.specs.get(name).ok_or_else(|| missing(name))?;
        let slot = self.slots.lock().unwrap_or_else(PoisonError::into_inner).entry(key.to_owned()).or_default().clone();
        let connected = slot.get_or_try_init(|| (spec.connect)(Value::Object(settings.clone()))).await?;
        let found = connected.kind(kind).cloned();
        found.ok_or_else(|| Error::new(format!("provider `{name}` has no kind `{kind}`")).code("T0303").not_applied())
    }
}
