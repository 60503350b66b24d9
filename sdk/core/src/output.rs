//! Values that exist later: what they depend on is known now.
//!
//! An [`Output`] is a pure expression over the outputs of resources. There is no future and no executor in it: the planner
//! resolves it against what the state knows, the executor against what the run has made.

use crate::{Urn, secret::remember, urn::UrnMap};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::{any::Any, collections::BTreeSet, fmt, sync::Arc};

/// The outputs that are known so far.
#[derive(Default, Clone, Debug)]
pub struct Facts(UrnMap<Fact>);

/// What is known of one resource's outputs.
#[derive(Clone, Debug)]
pub struct Fact {
    /// The fields that are known.
    pub fields: Arc<Map<String, Value>>,
    /// Whether a field that is missing here may still come: the resource's step has not run.
    pub partial: bool,
}

impl Facts {
    /// Records all outputs of a resource.
    pub fn know(&mut self, urn: Urn, fields: Arc<Map<String, Value>>) {
        self.0.insert(urn, Fact { fields, partial: false });
    }

    /// Records the outputs that a coming step will not change.
    pub fn expect(&mut self, urn: Urn, fields: Arc<Map<String, Value>>) {
        self.0.insert(urn, Fact { fields, partial: true });
    }

    /// What is known of a resource.
    pub fn get(&self, urn: &Urn) -> Option<&Fact> {
        self.0.get(urn)
    }

    /// Whether every output of a resource is known.
    pub fn is_complete(&self, urn: &Urn) -> bool {
        self.0.get(urn).is_some_and(|fact| !fact.partial)
    }

    /// Drops what is known of a resource.
    pub fn forget(&mut self, urn: &Urn) {
        self.0.remove(urn);
    }
}

/// Why an output has no value yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unresolved {
    /// A resource has to be made or changed first.
    Waits {
        /// The resource that it waits for.
        on: Urn,
        /// The output of that resource.
        field: &'static str,
    },
    /// A conversion refused the value.
    Invalid(String),
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waits { on, field } => write!(f, "known after {}.{field}", on.label()),
            Self::Invalid(why) => f.write_str(&crate::secret::redact(why)),
        }
    }
}

type Thunk<T> = Arc<dyn Fn(&Facts) -> Result<T, Unresolved> + Send + Sync>;

/// A value that exists once its sources do.
///
/// Its sources and whether it is secret never change after construction, so the graph and the masking are known before any
/// value is. It has no `Display`, no `Debug` and no `PartialEq`: use [`Output::map`], [`Gather`](crate::Gather) or
/// [`text!`](crate::text) to work with the value.
#[must_use = "an output does nothing until it feeds an input or an export"]
pub struct Output<T> {
    pub(crate) sources: Arc<BTreeSet<Urn>>,
    pub(crate) secret: bool,
    pub(crate) thunk: Thunk<T>,
}

impl<T> Clone for Output<T> {
    fn clone(&self) -> Self {
        Self { sources: self.sources.clone(), secret: self.secret, thunk: self.thunk.clone() }
    }
}

impl<T: 'static> Output<T> {
    /// A value that is known already.
    pub fn known(value: T) -> Self
    where
        T: Clone + Send + Sync,
    {
        Self { sources: Arc::default(), secret: false, thunk: Arc::new(move |_| Ok(value.clone())) }
    }

    /// One output field of one resource; called by derived code.
    #[doc(hidden)]
    pub fn field(urn: &Urn, field: &'static str, secret: bool) -> Self
    where
        T: DeserializeOwned,
    {
        let key = urn.clone();
        let thunk = move |facts: &Facts| {
            let waits = || Unresolved::Waits { on: key.clone(), field };
            let fact = facts.get(&key).ok_or_else(waits)?;
            let value = match fact.fields.get(field) {
                Some(value) => value,
                None if fact.partial => return Err(waits()),
                None => &Value::Null,
            };
            T::deserialize(value).map_err(|e| Unresolved::Invalid(format!("{}.{field}: {e}", key.label())))
        };
        Self { sources: Arc::new([urn.clone()].into()), secret, thunk: Arc::new(thunk) }
    }

    /// Computes another value from this one, as soon as this one is known. The closure must be pure: it may run several times.
    pub fn map<U: 'static>(&self, f: impl Fn(T) -> U + Send + Sync + 'static) -> Output<U> {
        self.try_map(move |value| Ok(f(value)))
    }

    /// Like [`Output::map`], for conversions that can fail; the failure is reported with the resource that needs the value.
    pub fn try_map<U: 'static>(&self, f: impl Fn(T) -> Result<U, String> + Send + Sync + 'static) -> Output<U> {
        let (thunk, secret) = (self.thunk.clone(), self.secret);
        let convert = move |facts: &Facts| {
            let value = thunk(facts)?;
            // The conversion may refuse it, or panic, and quote it.
            if let Some(text) = (&value as &dyn Any).downcast_ref::<String>().filter(|_| secret) {
                remember(&Value::from(text.as_str()));
            }
            f(value).map_err(Unresolved::Invalid)
        };
        Output { sources: self.sources.clone(), secret, thunk: Arc::new(convert) }
    }

    /// Marks this value, and everything made from it, secret.
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Whether this value must never be printed.
    pub fn is_secret(&self) -> bool {
        self.secret
    }

    /// The resources whose outputs this value is made from.
    pub fn sources(&self) -> &BTreeSet<Urn> {
        &self.sources
    }

    /// Adds sources that the value itself doesn't read; used where one resource stands for another.
    #[doc(hidden)]
    pub fn sourced(mut self, from: &[Urn]) -> Self {
        let mut sources = (*self.sources).clone();
        sources.extend(from.iter().cloned());
        self.sources = Arc::new(sources);
        self
    }

    /// The value, if the facts suffice.
    ///
    /// # Errors
    /// Why there is none yet, or none at all.
    pub fn resolve(&self, facts: &Facts) -> Result<T, Unresolved> {
        (self.thunk)(facts)
    }

    /// The same value as JSON, for the engine.
    pub fn erase(&self) -> Output<Value>
    where
        T: Serialize,
    {
        self.try_map(|value| serde_json::to_value(value).map_err(|e| e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gather, text};

    fn urn(name: &str) -> Urn {
        Urn::new("dev", "demo", "", "demo:Thing", name)
    }

    fn facts() -> Facts {
        let mut facts = Facts::default();
        let fields = serde_json::json!({"url": "u", "key": "k"});
        facts.know(urn("a"), Arc::new(fields.as_object().unwrap().clone()));
        facts
    }

    #[test]
    fn sources_and_secrecy_are_known_before_any_value() {
        let url: Output<String> = Output::field(&urn("a"), "url", false);
        let port: Output<u16> = Output::field(&urn("b"), "port", false);
        let key: Output<String> = Output::field(&urn("a"), "key", true);
        let joined = text!("https://{}:{}/{}", url, port, 7);
        assert_eq!(joined.sources().iter().map(Urn::name).collect::<Vec<_>>(), ["a", "b"]);
        assert!(!joined.is_secret());
        let tainted = text!("{}@{}", &key, joined);
        assert!(tainted.is_secret() && tainted.map(|t| t.len()).is_secret());
        assert_eq!(tainted.resolve(&facts()), Err(Unresolved::Waits { on: urn("b"), field: "port" }));
        assert_eq!(text!("x-{}-{}", key, "y").resolve(&facts()), Ok("x-k-y".to_owned()));
        assert_eq!((&url, &url).gather().map(|(a, b)| a + &b).resolve(&facts()), Ok("uu".to_owned()));
    }

    #[test]
    fn a_field_of_a_partial_fact_still_comes() {
        let mut facts = Facts::default();
        facts.expect(urn("a"), Arc::default());
        let url: Output<Option<String>> = Output::field(&urn("a"), "url", false);
        assert!(matches!(url.resolve(&facts), Err(Unresolved::Waits { .. })));
        facts.know(urn("a"), Arc::default());
        assert_eq!(url.resolve(&facts), Ok(None));
    }
}
