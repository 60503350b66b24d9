//! The journal and the store of journals: what the engine needs of a place that keeps state.

use crate::{Error, Holder};
use async_trait::async_trait;
use std::sync::Arc;
use terrane_core::{Plan, Record, State};

/// A place that keeps the states of stacks.
#[async_trait]
pub trait Store: Send + Sync {
    /// Where it is, for people: `file:///home/ann/.local/state/terrane`.
    fn place(&self) -> String;

    /// The stacks of a project, sorted.
    async fn stacks(&self, project: &str) -> Result<Vec<String>, Error>;

    /// Reads a state without a lock; `None` when there is no such stack.
    async fn read(&self, project: &str, stack: &str) -> Result<Option<State>, Error>;

    /// Takes the stack's lock and reads its state; a stack that doesn't exist is begun with the first commit.
    async fn open(&self, project: &str, stack: &str, holder: &Holder) -> Result<Arc<dyn Journal>, Error>;

    /// Removes a stack's state for good.
    async fn remove(&self, project: &str, stack: &str, holder: &Holder) -> Result<(), Error>;

    /// Encrypts the secrets of a plan that is about to be written to a file.
    async fn seal_plan(&self, plan: &mut Plan) -> Result<(), Error>;

    /// Decrypts the secrets of a plan that was read from a file.
    async fn open_plan(&self, plan: &mut Plan) -> Result<(), Error>;
}

/// A stack's journal, held by one process.
///
/// # Guarantees
/// A record is durable when the commit that carries it returns. Dropping the journal releases the lock.
#[async_trait]
pub trait Journal: Send + Sync {
    /// The state when the journal was opened.
    fn state(&self) -> State;

    /// Appends records and makes them durable together, in one write.
    async fn commit(&self, records: Vec<Record>) -> Result<(), Error>;

    /// Ends a run: seals what is durable and folds a long journal into a snapshot of `state`.
    async fn seal(&self, state: &State) -> Result<(), Error>;
}
