//! State: what a stack consists of, as the fold of its journal's records.

mod damage;
mod fold;
mod format;
mod id;
mod moves;
mod record;

pub use damage::Damage;
pub use fold::Corrupt;
pub use format::Format;
pub use id::{Lineage, OpId};
pub use moves::Move;
pub use record::{Action, Cut, Done, Failed, Intent, Record, RunEnd, RunStart};

use crate::{Properties, Urn};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// One real object that belongs to the stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    /// The resource that it is or was the object of.
    pub urn: Urn,
    /// The operation that made it: part of its physical name and tags.
    pub op: OpId,
    /// The key of its provider in [`State::providers`].
    pub provider: String,
    /// Its inputs, as last given to the provider.
    pub inputs: Properties,
    /// Its outputs, as last told by the provider.
    pub outputs: Properties,
    /// What it depends on.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub dependencies: BTreeSet<Urn>,
    /// How the engine treats it.
    #[serde(default, skip_serializing_if = "Kept::is_default")]
    pub kept: Kept,
    /// Where it was declared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub site: String,
    /// Whether its last create or update did not come to its end, so that the next run must update it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsettled: bool,
    /// When it was made, in milliseconds of Unix time.
    pub created_ms: i64,
    /// When it was last changed.
    pub modified_ms: i64,
}

impl Instance {
    fn has_secrets(&self) -> bool {
        !(self.inputs.secret.is_empty() && self.outputs.secret.is_empty()) || self.kept.has_secret_trigger()
    }

    /// The properties in it that may hold secrets, each with the path under which it is sealed.
    ///
    /// # Errors
    /// What `visit` returns.
    pub fn visit_secrets<E>(&mut self, visit: &mut dyn FnMut(&str, &mut Properties) -> Result<(), E>) -> Result<(), E> {
        visit(&format!("{}#inputs", self.op), &mut self.inputs)?;
        visit(&format!("{}#outputs", self.op), &mut self.outputs)?;
        self.kept.visit_trigger(&self.op, visit)
    }
}

/// What tells the digest of a secret from a value of the program's.
const DIGEST: &str = "secret_digest";

/// The options of a resource that outlive its declaration.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// Refuse to delete or replace it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub protected: bool,
    /// Forget it instead of deleting the real object.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub retained: bool,
    /// Skip its delete when this resource is deleted in the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_with: Option<Urn>,
    /// The last value of `.replaced_when(..)`; what [`Kept::secret_trigger`] makes of a secret one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Value>,
    /// The longest time a verb may take, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// The rollout and member that it takes turns with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn: Option<(String, String)>,
}

impl Kept {
    /// What is kept of a secret value of `.replaced_when(..)`: a digest of it, which is a secret itself, since a weak value can be guessed from it.
    pub fn secret_trigger(digest: String) -> Value {
        Value::Object(Map::from_iter([(DIGEST.to_owned(), Value::String(digest))]))
    }

    /// Whether `.replaced_when(..)` had another value. A digest was kept as mere text once.
    pub fn differs_in_trigger(&self, value: &Value) -> bool {
        self.trigger.as_ref().is_some_and(|former| former != value && Some(former) != value.get(DIGEST))
    }

    fn has_secret_trigger(&self) -> bool {
        self.trigger.as_ref().is_some_and(|kept| kept.get(DIGEST).is_some())
    }

    /// Passes the digest of a secret `.replaced_when(..)` on.
    pub(crate) fn visit_trigger<E>(
        &mut self,
        of: &dyn std::fmt::Display,
        visit: &mut dyn FnMut(&str, &mut Properties) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.has_secret_trigger()
            && let Some(Value::Object(kept)) = &mut self.trigger
        {
            let mut digest = Properties::new(kept.clone(), [DIGEST.to_owned()].into());
            visit(&format!("{of}#replaced_when"), &mut digest)?;
            *kept = Arc::unwrap_or_clone(digest.values);
        }
        Ok(())
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A provider's settings as they were when its resources were made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProviderRecord {
    /// The provider's name.
    pub name: String,
    /// Its settings; credentials are never among them.
    pub settings: Map<String, Value>,
}

/// A run, as the history shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// How it began.
    pub start: RunStart,
    /// How it ended; absent when it was killed.
    pub end: Option<RunEnd>,
}

/// How many runs the history keeps.
pub const HISTORY_MAX: usize = 100;

/// What a stack consists of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The form that it is written in.
    #[serde(default)]
    pub format: Format,
    /// Which stack this is, whatever it is called: never shared by two states.
    pub lineage: Lineage,
    /// The number of the last record.
    pub seq: u64,
    /// The counter that operation ids are made from; it only grows.
    pub generation: u64,
    /// The object of each resource.
    pub live: BTreeMap<Urn, Arc<Instance>>,
    /// Objects that were replaced and are still to be deleted, by the operation that made them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub condemned: BTreeMap<OpId, Arc<Instance>>,
    /// Operations that have begun and of which no end is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pending: BTreeMap<OpId, Intent>,
    /// Moves to and from other stacks of which no end is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub moves: BTreeMap<OpId, Move>,
    /// What the stack exports.
    #[serde(default)]
    pub exports: Properties,
    /// The providers of its objects.
    #[serde(default)]
    pub providers: BTreeMap<String, ProviderRecord>,
    /// How long each kind's verbs took lately, in milliseconds, by `verb kind`.
    #[serde(default)]
    pub took_ms: BTreeMap<String, u64>,
    /// The last runs, oldest first.
    #[serde(default)]
    pub runs: Vec<Run>,
}

impl State {
    /// The state of a stack without a record.
    pub fn new(lineage: Lineage) -> Self {
        Self { lineage, ..Self::default() }
    }

    /// Every object, the replaced ones too.
    pub fn instances(&self) -> impl Iterator<Item = &Arc<Instance>> {
        self.live.values().chain(self.condemned.values())
    }

    /// Whether an earlier run or command was cut off, so that its operations and moves have to find their end first.
    pub fn is_cut_off(&self) -> bool {
        let is_open = |begun: &Move| !matches!(begun, Move::Renamed { .. });
        !self.pending.is_empty() || self.moves.values().any(is_open)
    }

    /// The object that an operation made.
    pub fn made_by(&self, op: &OpId) -> Option<&Arc<Instance>> {
        self.condemned.get(op).or_else(|| self.live.values().find(|instance| instance.op == *op))
    }

    /// The properties in it that hold secrets, each with the path under which it is sealed.
    ///
    /// # Errors
    /// What `visit` returns.
    pub fn visit_secrets<E>(&mut self, visit: &mut dyn FnMut(&str, &mut Properties) -> Result<(), E>) -> Result<(), E> {
        for instance in self.live.values_mut().chain(self.condemned.values_mut()) {
            if instance.has_secrets() {
                Arc::make_mut(instance).visit_secrets(visit)?;
            }
        }
        for (op, intent) in &mut self.pending {
            visit(&format!("{op}#inputs"), &mut intent.inputs)?;
            intent.kept.visit_trigger(op, visit)?;
        }
        visit("exports", &mut self.exports)
    }

    /// The name that the stack has now, when everything of it has gone there.
    pub fn renamed_to(&self) -> Option<&str> {
        self.moves.values().find_map(|begun| match begun {
            Move::Renamed { to } => Some(to.as_str()),
            _ => None,
        })
    }

    /// The name that the stack has now, or is to have, where its rename was cut off.
    pub fn next_name(&self) -> Option<&str> {
        self.renamed_to().or_else(|| {
            self.moves.values().find_map(|begun| match begun {
                Move::Leaving { to, whole: true, .. } => Some(to.as_str()),
                _ => None,
            })
        })
    }

    /// The records that forget resources, and let nothing depend on them any more.
    pub fn forgetting(&self, gone: &BTreeSet<Urn>) -> Vec<Record> {
        // By the URN that it stands under, which in a damaged state may be another one than its own.
        let forgotten = gone.iter().filter_map(|urn| Some((urn, self.live.get(urn)?)));
        let forgotten = forgotten.map(|(urn, it)| Record::Forgotten { urn: urn.clone(), op: it.op.clone() });
        let bereft = self.live.values().filter(|it| !gone.contains(&it.urn) && !it.dependencies.is_disjoint(gone));
        let noted = bereft.map(|it| Record::Noted {
            urn: it.urn.clone(),
            provider: it.provider.clone(),
            dependencies: it.dependencies.difference(gone).cloned().collect(),
            kept: it.kept.clone(),
            site: it.site.clone(),
        });
        forgotten.chain(noted).collect()
    }

    /// The URNs that depend on each URN.
    pub fn dependents(&self) -> BTreeMap<&Urn, Vec<&Urn>> {
        let mut dependents: BTreeMap<&Urn, Vec<&Urn>> = BTreeMap::new();
        for instance in self.instances() {
            for dependency in &instance.dependencies {
                dependents.entry(dependency).or_default().push(&instance.urn);
            }
        }
        dependents
    }
}
