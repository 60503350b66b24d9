//! What is constant about a kind, as plain values: all that the planner needs to know.

use super::{Inputs, Outputs, Provider, Recovery, Resource};
use crate::{Error, Result};
use serde_json::{Map, Value};
use std::{fmt, time::Duration};

/// One input field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputField {
    /// Its name in the struct and in state.
    pub name: &'static str,
    /// Whether a program must set it.
    pub required: bool,
    /// Whether another value means another object.
    pub replace: bool,
    /// Why the value can never change, where even a replacement would do harm.
    pub immutable: Option<&'static str>,
    /// Whether it must not be printed or stored in the clear.
    pub secret: bool,
    /// Whether it is the physical name: two objects can't have the same at once.
    pub physical_name: bool,
}

/// One output field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputField {
    /// Its name in the struct and in state.
    pub name: &'static str,
    /// Whether an update never changes it.
    pub stable: bool,
    /// Whether it must not be printed or stored in the clear.
    pub secret: bool,
}

/// A kind without its type.
pub struct KindSpec {
    /// `provider:Noun`.
    pub kind: &'static str,
    /// Its inputs.
    pub inputs: &'static [InputField],
    /// Its outputs.
    pub outputs: &'static [OutputField],
    /// See [`Described::DELETE_FIRST`](super::Described::DELETE_FIRST).
    pub delete_first: bool,
    /// See [`Described::ALWAYS_READ`](super::Described::ALWAYS_READ).
    pub always_read: bool,
    /// How a create is recognised whose reply nobody heard.
    pub recovery: Recovery,
    /// See [`Provider::IN_FLIGHT`].
    pub in_flight: Duration,
    /// Values of inputs that a program may leave out.
    pub defaults: fn() -> Vec<(&'static str, Value)>,
    /// Decodes inputs, checks them and gives them back in canonical form.
    pub check: Check,
}

/// Decodes inputs, checks them and gives them back in canonical form.
pub type Check = fn(Map<String, Value>, &mut Problems) -> Option<Map<String, Value>>;

impl KindSpec {
    /// The description of a resource type.
    pub fn of<R: Resource>() -> &'static Self {
        &Holder::<R>::SPEC
    }

    /// One input by name.
    pub fn input(&self, name: &str) -> Option<&'static InputField> {
        self.inputs.iter().find(|field| field.name == name)
    }

    /// The names of the inputs that must not be shown.
    pub fn secret_inputs(&self) -> impl Iterator<Item = String> + use<> {
        self.inputs.iter().filter(|field| field.secret).map(|field| field.name.to_owned())
    }

    /// The names of the outputs that must not be shown.
    pub fn secret_outputs(&self) -> impl Iterator<Item = String> + use<> {
        self.outputs.iter().filter(|field| field.secret).map(|field| field.name.to_owned())
    }

    /// Fills in the inputs that the program left out, also those that a newer version of the kind has added.
    pub fn complete(&self, values: &mut Map<String, Value>) {
        for (name, default) in (self.defaults)() {
            values.entry(name).or_insert(default);
        }
    }
}

struct Holder<R>(std::marker::PhantomData<R>);

impl<R: Resource> Holder<R> {
    const SPEC: KindSpec = KindSpec {
        kind: R::KIND,
        inputs: R::FIELDS,
        outputs: <R::Outputs as Outputs>::FIELDS,
        delete_first: R::DELETE_FIRST,
        always_read: R::ALWAYS_READ,
        recovery: R::RECOVERY,
        in_flight: <R::Provider as Provider>::IN_FLIGHT,
        defaults: R::defaults,
        check: |values, problems| match decode::<R>(values) {
            Ok(inputs) => {
                inputs.check(problems);
                encode(&inputs).map_err(|e| problems.add("", e.to_string())).ok()
            }
            Err(error) => {
                problems.add("", error.to_string());
                None
            }
        },
    };
}

/// Reads inputs, with defaults for what isn't there.
pub(crate) fn decode<R: Inputs>(mut values: Map<String, Value>) -> Result<R> {
    for (name, default) in R::defaults() {
        values.entry(name).or_insert(default);
    }
    serde_path_to_error::deserialize(Value::Object(values)).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        Error::new(if path == "." { inner.to_string() } else { format!("{path}: {inner}") }).not_applied()
    })
}

/// Writes a struct as a map without nulls.
pub(crate) fn encode(value: &impl serde::Serialize) -> Result<Map<String, Value>> {
    match serde_json::to_value(value)? {
        Value::Object(mut map) => {
            map.retain(|_, value| !value.is_null());
            Ok(map)
        }
        other => Err(Error::new(format!("expected named fields, found {other}"))),
    }
}

/// What is wrong with one input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The input's path, such as `ports[2]`; empty for the resource as a whole.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.message),
            path => write!(f, "`{path}` {}", self.message),
        }
    }
}

/// Collects what a check finds, so that all of it is reported at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds a problem of the input at `path`; the message continues the path: "must be at least 1".
    pub fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem { path: path.into(), message: message.into() });
    }

    /// All that was found.
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}
