//! One way to declare an object of any kind, for programs that are drawn at random.

use super::{AccessKey, Bucket, Network, Queue, Route, Server, Sky, ToldHandle};
use crate::cloud::Habit;
use terrane::{On, Options as _, Output, Stack};

/// What a program says about an object.
#[derive(Clone)]
pub struct Settings {
    /// What it holds.
    pub value: Output<String>,
    /// The ids of the objects that it needs.
    pub upstream: Vec<Output<String>>,
    /// What can't be changed.
    pub shape: Option<String>,
    /// What nobody may see.
    pub password: Option<String>,
    /// The name that the resource had before.
    pub renamed_from: Option<String>,
}

impl Settings {
    /// With this value, and nothing else.
    pub fn new(value: impl Into<String>) -> Self {
        let value = Output::known(value.into());
        Self { value, upstream: Vec::new(), shape: None, password: None, renamed_from: None }
    }
}

macro_rules! add {
    ($kind:ident, $stack:ident, $sky:ident, $name:ident, $settings:ident) => {{
        let Settings { value, upstream, shape, password, renamed_from } = $settings;
        let mut draft = $kind::new($name).name($name).value(value).upstream(upstream);
        if let Some(shape) = shape {
            draft = draft.shape(shape);
        }
        if let Some(password) = password {
            draft = draft.password(password);
        }
        if let Some(former) = renamed_from {
            draft = draft.renamed_from(former);
        }
        ToldHandle::clone(&$stack.add($sky, draft))
    }};
}

/// Declares an object of the kind that has a habit; its name is its logical one.
#[track_caller]
pub fn declare(stack: &Stack, sky: &On<Sky>, habit: Habit, name: &str, settings: Settings) -> ToldHandle {
    match habit {
        Habit::Token => add!(Server, stack, sky, name, settings),
        Habit::Name => add!(Bucket, stack, sky, name, settings),
        Habit::Returns => add!(Queue, stack, sky, name, settings),
        Habit::Tags => add!(Network, stack, sky, name, settings),
        Habit::Key => add!(Route, stack, sky, name, settings),
        Habit::Unmarked => add!(AccessKey, stack, sky, name, settings),
    }
}
