//! Looking at real objects: what has drifted from state, and what is gone.

use crate::{Error, Events, What, execute::Connections};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use std::{collections::BTreeSet, sync::Arc};
use terrane_core::{
    KindSpec, Properties, Record, State, Urn,
    kind::Recorded,
    plan::{Change, Shown},
    state::Instance,
};

/// How a real object differs from state.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// The resource.
    pub urn: Urn,
    /// Whether the object is gone.
    pub gone: bool,
    /// What differs.
    pub changes: Vec<Change>,
}

/// What a refresh has shown.
#[derive(Debug, Clone, Serialize)]
pub struct RefreshReport {
    /// The objects that differ from state.
    pub drift: Vec<Drift>,
    /// How many objects were looked at.
    pub looked_at: usize,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// How many objects are looked at together.
const READS: usize = 64;

/// What looking has shown.
#[derive(Default)]
pub(crate) struct Sight {
    /// Resources that differ from state in a way that matters to a plan.
    pub drifted: BTreeSet<Urn>,
    pub drift: Vec<Drift>,
    /// Resources whose objects are not there any more.
    gone: BTreeSet<Urn>,
    /// What state has to follow.
    pub records: Vec<Record>,
    pub looked_at: usize,
}

/// Looks at objects of state and lets `state` follow what is seen.
pub(crate) async fn look(
    state: &mut State,
    connections: &Connections,
    which: impl Fn(&Instance) -> bool,
    events: &Events,
) -> Result<Sight, Error> {
    let instances: Vec<Arc<Instance>> = state.live.values().filter(|instance| which(instance)).cloned().collect();
    let mut sight = Sight { looked_at: instances.len(), ..Sight::default() };
    let providers = &state.providers;
    let reads = instances.into_iter().map(|instance| async move {
        events.tell(What::Reading { urn: instance.urn.clone() });
        let settings = providers.get(&instance.provider).map(|provider| provider.settings.clone()).unwrap_or_default();
        let read = async {
            let kind = connections.kind(&instance.provider, &settings, instance.urn.kind()).await?;
            kind.read((&*instance).into()).await
        };
        let result = read.await;
        (instance, result)
    });
    let mut seen: Vec<_> = stream::iter(reads).buffer_unordered(READS).collect().await;
    seen.sort_by(|a, b| a.0.urn.cmp(&b.0.urn));
    for (instance, result) in seen {
        let now =
            result.map_err(|error| Error::Provider(error.context(format!("looking at {}", instance.urn.label()))))?;
        sight.take(&instance, now, connections.kind_spec(instance.urn.kind()));
    }
    sight.records.extend(state.forgetting(&sight.gone));
    state.apply_all(&sight.records).map_err(terrane_state::Error::from)?;
    Ok(sight)
}

impl Sight {
    /// Takes in what was seen of one object. What the kind calls secret is so, even if it did not when the object was made.
    fn take(&mut self, instance: &Instance, now: Option<Recorded>, spec: Option<&KindSpec>) {
        let urn = &instance.urn;
        let Some(now) = now else {
            self.drift.push(Drift { urn: urn.clone(), gone: true, changes: Vec::new() });
            self.drifted.insert(urn.clone());
            self.gone.insert(urn.clone());
            return;
        };
        let (mut inputs, mut outputs) = (instance.inputs.secret.clone(), instance.outputs.secret.clone());
        if let Some(spec) = spec {
            inputs.extend(spec.secret_inputs());
            outputs.extend(spec.secret_outputs());
        }
        let (inputs, outputs) = (Properties::new(now.inputs, inputs), Properties::new(now.outputs, outputs));
        let mut changes = differences(&instance.inputs, &inputs);
        if !changes.is_empty() {
            self.drifted.insert(urn.clone());
        }
        changes.extend(differences(&instance.outputs, &outputs));
        if !changes.is_empty() {
            self.drift.push(Drift { urn: urn.clone(), gone: false, changes });
            self.records.push(Record::Observed { urn: urn.clone(), inputs, outputs });
        }
    }
}

fn differences(before: &Properties, after: &Properties) -> Vec<Change> {
    let mut changes = Vec::new();
    for name in before.values.keys().chain(after.values.keys().filter(|name| before.get(name).is_none())) {
        let (old, new) = (before.get(name), after.get(name));
        if !before.is_secret(name) && !after.is_secret(name) {
            Change::between(name, old, new, false, &mut changes);
        } else if old != new {
            let shown = |value| Shown::of(value, true, false);
            changes.push(Change { path: name.clone(), before: shown(old), after: shown(new), replaces: false });
        }
    }
    changes
}
