//! Drafts: a resource under construction, and the options that every resource has.

use crate::{Hook, Inputs, IntoInput, Output, Urn, hook::When, kind::InputField};
use serde::Serialize;
use serde_json::{Map, Value};
use std::time::Duration;

/// A resource under construction, without its type.
#[must_use = "a draft does nothing until it is added to a stack"]
pub struct Draft {
    /// The logical name.
    pub name: String,
    /// The inputs that are set.
    pub fields: Fields,
    /// How the engine treats it.
    pub options: Settings,
}

/// Inputs by name, in the order of their names. A resource has a handful: a sorted list takes a tenth of the memory of a tree.
#[derive(Default)]
pub struct Fields(Vec<(&'static str, Output<Value>)>);

impl Fields {
    /// Sets an input; the last value counts.
    pub fn set(&mut self, name: &'static str, value: Output<Value>) {
        match self.place(name) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (name, value)),
        }
    }

    /// One input, if it is set.
    pub fn get(&self, name: &str) -> Option<&Output<Value>> {
        self.place(name).ok().map(|at| &self.0[at].1)
    }

    /// All that are set, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Output<Value>)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    /// Makes all that are set secret.
    pub(crate) fn make_secret(&mut self) {
        for (_, value) in &mut self.0 {
            *value = value.clone().secret();
        }
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| (*other).cmp(name))
    }
}

/// How the engine treats a resource: what the setters of [`Options`] fill in.
#[derive(Default)]
pub struct Settings {
    /// Refuse to delete or replace it.
    pub protected: bool,
    /// Forget it instead of deleting the real object.
    pub retained: bool,
    /// What must be there first, beyond what its inputs read.
    pub after: Vec<Urn>,
    /// Former logical names, or whole former URNs.
    pub renamed_from: Vec<String>,
    /// Inputs whose changes in the program are not carried out.
    pub ignoring: Vec<String>,
    /// Inputs whose change means a replacement.
    pub replacing_on: Vec<String>,
    /// How long one verb may take.
    pub timeout: Option<Duration>,
    /// Delete the old object before making the new one.
    pub delete_before_replace: bool,
    /// Adopt the existing object with this id.
    pub imported: Option<String>,
    /// Skip the delete when this resource is deleted in the same run.
    pub deleted_with: Option<Urn>,
    /// Replace when this value changes.
    pub replaced_when: Option<Output<Value>>,
    /// Replace when one of these is replaced.
    pub replaced_with: Vec<Urn>,
    /// Outputs to treat as secret, beyond those of the kind.
    pub secret_outputs: Vec<String>,
    /// Inputs whose values are not shown in diffs.
    pub hiding_diff: Vec<String>,
    /// What to run around the verbs.
    pub hooks: Vec<Hook>,
}

impl Draft {
    /// An empty draft.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), fields: Fields::default(), options: Settings::default() }
    }

    /// Sets an input; called by derived setters.
    #[expect(clippy::needless_pass_by_value, reason = "setters hand over what they were given")]
    pub fn set<T: Serialize + 'static>(&mut self, field: &'static InputField, value: Output<T>) {
        let value = value.erase();
        self.fields.set(field.name, if field.secret { value.secret() } else { value });
    }

    /// A nested struct: its fields, joined.
    pub fn nested<T: Inputs>(self) -> Output<T> {
        let (keys, values): (Vec<_>, Vec<_>) = self.fields.0.into_iter().unzip();
        crate::Gather::gather(values).try_map(move |values| {
            let mut map: Map<String, Value> = keys.iter().map(ToString::to_string).zip(values).collect();
            for (key, default) in T::defaults() {
                map.entry(key).or_insert(default);
            }
            serde_json::from_value(map.into()).map_err(|e| e.to_string())
        })
    }
}

/// Something that stands for one or more resources in `.after(..)` and its like.
pub trait Refers {
    /// The resources.
    fn urns(&self) -> Vec<Urn>;
}

impl<T: Refers> Refers for [T] {
    fn urns(&self) -> Vec<Urn> {
        self.iter().flat_map(Refers::urns).collect()
    }
}

impl<T: Refers> Refers for Vec<T> {
    fn urns(&self) -> Vec<Urn> {
        self.as_slice().urns()
    }
}

/// Options that every resource has. Each setter reads as a word and may be combined with every other.
pub trait Options: Sized {
    #[doc(hidden)]
    fn edit(&mut self) -> &mut Draft;

    /// Refuses to delete or replace the resource until the program no longer says so.
    #[must_use]
    fn protected(mut self) -> Self {
        self.edit().options.protected = true;
        self
    }

    /// Keeps the real object when the resource leaves the program: it is forgotten, not deleted.
    #[must_use]
    fn retained(mut self) -> Self {
        self.edit().options.retained = true;
        self
    }

    /// Waits for another resource although no input reads it.
    #[must_use]
    fn after(mut self, other: &(impl Refers + ?Sized)) -> Self {
        self.edit().options.after.extend(other.urns());
        self
    }

    /// Says what the resource was called before, as a logical name in the same scope or as a whole URN: it moves, nothing is replaced.
    #[must_use]
    fn renamed_from(mut self, former: impl Into<String>) -> Self {
        self.edit().options.renamed_from.push(former.into());
        self
    }

    /// Leaves these inputs as they are in state, whatever the program says.
    #[must_use]
    fn ignoring<const N: usize>(mut self, inputs: [&str; N]) -> Self {
        self.edit().options.ignoring.extend(inputs.map(str::to_owned));
        self
    }

    /// Replaces the resource when one of these inputs changes, even if the kind could update it; `"*"` means each of them.
    #[must_use]
    fn replacing_on<const N: usize>(mut self, inputs: [&str; N]) -> Self {
        self.edit().options.replacing_on.extend(inputs.map(str::to_owned));
        self
    }

    /// Bounds each verb, waiting included. The default is 30 minutes.
    #[must_use]
    fn timeout(mut self, limit: Duration) -> Self {
        self.edit().options.timeout = Some(limit);
        self
    }

    /// Deletes the old object before making the new one when it has to be replaced.
    #[must_use]
    fn delete_before_replace(mut self) -> Self {
        self.edit().options.delete_before_replace = true;
        self
    }

    /// Adopts the existing object with this id instead of making one. The inputs must match the real object.
    #[must_use]
    fn imported(mut self, id: impl Into<String>) -> Self {
        self.edit().options.imported = Some(id.into());
        self
    }

    /// Skips the delete of this resource when the other one is deleted in the same run, which takes this one along.
    #[must_use]
    fn deleted_with(mut self, other: &impl Refers) -> Self {
        self.edit().options.deleted_with = other.urns().pop();
        self
    }

    /// Replaces the resource when this value changes.
    #[must_use]
    fn replaced_when<T: Serialize + 'static>(mut self, value: impl IntoInput<T>) -> Self {
        self.edit().options.replaced_when = Some(value.into_input().erase());
        self
    }

    /// Replaces the resource when the other one is replaced.
    #[must_use]
    fn replaced_with(mut self, other: &(impl Refers + ?Sized)) -> Self {
        self.edit().options.replaced_with.extend(other.urns());
        self
    }

    /// Encrypts and masks these outputs as well.
    #[must_use]
    fn secret_outputs<const N: usize>(mut self, outputs: [&str; N]) -> Self {
        self.edit().options.secret_outputs.extend(outputs.map(str::to_owned));
        self
    }

    /// Shows that these inputs change, but not from what to what.
    #[must_use]
    fn hiding_diff<const N: usize>(mut self, inputs: [&str; N]) -> Self {
        self.edit().options.hiding_diff.extend(inputs.map(str::to_owned));
        self
    }

    /// Runs code around a verb. Delete hooks run while the resource is still in the program, as in `destroy`.
    #[must_use]
    fn hook(
        mut self,
        when: When,
        run: impl Fn(crate::hook::Event) -> futures_util::future::BoxFuture<'static, crate::Result<()>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        self.edit().options.hooks.push(Hook::new(when, run));
        self
    }
}

impl Options for Draft {
    fn edit(&mut self) -> &mut Draft {
        self
    }
}
