//! Code of a program that runs around a resource's verbs.

use crate::{Result, Urn};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The moment a hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Before the object is made.
    BeforeCreate,
    /// After the object was made and is ready.
    AfterCreate,
    /// Before the object is changed.
    BeforeUpdate,
    /// After the object was changed and is ready.
    AfterUpdate,
    /// Before the object is deleted.
    BeforeDelete,
    /// After the object was deleted.
    AfterDelete,
}

/// What a hook is told.
#[derive(Debug, Clone)]
pub struct Event {
    /// The resource.
    pub urn: Urn,
    /// The moment.
    pub when: When,
    /// The resource's outputs, as far as there are any.
    pub outputs: Arc<Map<String, Value>>,
}

type Run = Arc<dyn Fn(Event) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// A hook of one resource. A hook that fails fails its step.
#[derive(Clone)]
pub struct Hook {
    when: When,
    run: Run,
}

impl Hook {
    /// A hook for one moment.
    pub fn new(when: When, run: impl Fn(Event) -> BoxFuture<'static, Result<()>> + Send + Sync + 'static) -> Self {
        Self { when, run: Arc::new(run) }
    }

    /// The moment it runs.
    pub fn when(&self) -> When {
        self.when
    }

    /// Runs it.
    ///
    /// # Errors
    /// What the program's code returns.
    pub async fn call(&self, event: Event) -> Result<()> {
        (self.run)(event).await
    }
}
