//! The journal and the store of journals: what the engine needs of a place that keeps state.

use crate::{
    Error, Export, Holder,
    secrets::{self, KeyChange, WrappedKey},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};
use terrane_core::{
    Plan, Properties, Record, State,
    failpoint::{Point, reach},
};

/// Who holds a stack, as far as can be seen from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Who.
    pub holder: Holder,
    /// For how long this process has watched the holder without a sign of life, in milliseconds.
    pub silent_ms: u64,
    /// How much longer it must stay silent until others may take over, in milliseconds; `None` where the system itself says whether the
    /// holder lives, as on a disk.
    pub takeover_in_ms: Option<u64>,
}

/// A state of the past that is kept as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestorePoint {
    /// The number of its last record.
    pub seq: u64,
    /// When it was kept, in milliseconds of Unix time.
    pub at_ms: i64,
    /// Its size in bytes.
    pub bytes: u64,
}

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

    /// Who holds the stack; `None` when it is free.
    async fn held(&self, project: &str, stack: &str) -> Result<Option<Held>, Error>;

    /// Ends the hold of `holder` on the stack, as [`Store::held`] told it, so that it can never write again; says whether it still had the stack.
    ///
    /// # Errors
    /// [`Error::Locked`] where another holds the stack by now, whom nobody has asked about, and where the system itself ties the lock to a
    /// living process, as on a disk: the process has to be ended.
    async fn unlock(&self, project: &str, stack: &str, holder: &Holder) -> Result<bool, Error>;

    /// The states of the past that are kept, oldest first.
    async fn restore_points(&self, project: &str, stack: &str) -> Result<Vec<RestorePoint>, Error>;

    /// One of them.
    async fn read_at(&self, project: &str, stack: &str, seq: u64) -> Result<State, Error>;

    /// Removes a stack's state for good. Its keys stay: what is sealed elsewhere, in a configuration file or an export, still opens with them.
    async fn remove(&self, project: &str, stack: &str, holder: &Holder) -> Result<(), Error>;

    /// Puts a state that doesn't load out of the way, whole, and says where it is then. The stack has none any more and can begin anew; it keeps
    /// its keys, where they can still be read.
    ///
    /// # Errors
    /// When it loads, or somebody works on the stack, or the place has nothing that could be damaged, as memory.
    async fn set_aside(&self, _project: &str, _stack: &str, _by: &Holder) -> Result<String, Error> {
        let why = "a state in it can't be set aside".to_owned();
        Err(Error::Place { url: self.place(), why })
    }

    /// Encrypts the secrets of a plan that is about to be written to a file.
    async fn seal_plan(&self, plan: &mut Plan) -> Result<(), Error>;

    /// Decrypts the secrets of a plan that was read from a file.
    async fn open_plan(&self, plan: &mut Plan) -> Result<(), Error>;

    /// Makes a state, which must be one of this stack, fit to leave the store: its secrets are sealed, and the wrapped keys go with it.
    async fn seal_export(&self, project: &str, stack: &str, state: State) -> Result<Export, Error>;

    /// The state in an export, with its secrets opened: to be written into a stack, which seals them anew.
    async fn open_export(&self, export: Export) -> Result<State, Error>;

    /// What the stack remembers of its data keys; nothing before its first secret.
    async fn keys(&self, _project: &str, _stack: &str) -> Result<Option<WrappedKey>, Error> {
        Ok(None)
    }

    /// Encrypts secrets of the stack's configuration, each by its dotted key. They open for the same project, stack and key only.
    ///
    /// # Errors
    /// When the store keeps no keys, as memory does.
    async fn seal_config(&self, _project: &str, _stack: &str, _values: &mut Properties) -> Result<(), Error> {
        Err(secrets::Error::NotKept.into())
    }

    /// Decrypts what [`Store::seal_config`] gave.
    ///
    /// # Errors
    /// When the store keeps no keys, the key can't be had, or a value was changed or moved.
    async fn open_config(&self, _project: &str, _stack: &str, _values: &mut Properties) -> Result<(), Error> {
        Err(secrets::Error::NotKept.into())
    }

    /// Lets a stack that has no keys yet, since it is about to get another's name and resources, have that one's.
    ///
    /// # Errors
    /// When they can't be read or written.
    async fn copy_keys(&self, _project: &str, _from: &str, _to: &str) -> Result<(), Error> {
        Ok(())
    }

    /// What a person should know about how this place keeps the stack, beyond what is wrong: one sentence each.
    async fn advice(&self, _project: &str, _stack: &str) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }
}

/// A stack's journal, held by one process.
///
/// # Guarantees
/// A record is durable when the commit that carries it returns. A journal of a free stack may be opened by several processes, where the place
/// takes the lock with the first commit only: for all but one that is [`Error::Locked`], nothing of it was written, and the journal is of no
/// use any more. [`Journal::close`] releases the lock; dropping the journal gives it up as
/// a killed process would.
#[async_trait]
pub trait Journal: Send + Sync {
    /// The state when the journal was opened.
    fn state(&self) -> State;

    /// Whether this process still holds the stack, to be asked right before each call that changes something. Never waits.
    ///
    /// # Errors
    /// [`Error::LeaseLost`] when the hold is over, and [`Error::LeaseStale`] when it can't be shown to be valid just now: nothing may be started then,
    /// in the second case until a later question is answered otherwise.
    fn permit(&self) -> Result<(), Error> {
        Ok(())
    }

    /// How long ago, at least, another process can last have begun a call, as seen when the journal was opened: nothing where the system itself
    /// ends a holder's hold with its process, which may have been a moment ago.
    fn quiet(&self) -> Duration {
        Duration::ZERO
    }

    /// Appends records and makes them durable together, in one write.
    async fn commit(&self, records: Vec<Record>) -> Result<(), Error>;

    /// Changes what keeps the data key, or the key itself, and gives what the state is to remember. That is durable with the next commit,
    /// which needs a record.
    ///
    /// # Errors
    /// Why it can't be made; nothing has changed then.
    async fn change_keys(&self, _change: &KeyChange) -> Result<WrappedKey, Error> {
        Err(secrets::Error::NotKept.into())
    }

    /// Ends a run: seals what is durable and folds a long journal into a snapshot of `state`.
    async fn seal(&self, state: &State) -> Result<(), Error>;

    /// Ends a run with its last records: commits them, seals and closes, at once where the place can do that. After an error the lock may
    /// still be held: [`Journal::close`] gives it up.
    async fn finish(&self, records: Vec<Record>, state: &State) -> Result<(), Error> {
        self.commit(records).await?;
        reach(Point::BeforeSeal);
        self.seal(state).await?;
        reach(Point::BeforeRelease);
        self.close().await
    }

    /// Releases the lock.
    async fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}
