//! Requests that may simply be sent again, and the names of a stack's objects.

use super::{
    error::{Error, Result},
    settings::Settings,
};
use crate::{
    Error as StateError, World,
    objects::{Fault, Listed, Object, Objects, When},
};
use bytes::Bytes;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use terrane_core::urn::name_fault;

/// A bucket and prefix, and the world around.
#[derive(Clone)]
pub(super) struct Bucket {
    pub(super) objects: Arc<dyn Objects>,
    pub(super) world: Arc<dyn World>,
    pub(super) settings: Settings,
    /// Whether the store was tried out.
    pub(super) probed: Arc<AtomicBool>,
}

/// Where the objects of a stack are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Folder(String);

impl Folder {
    pub(super) fn new(project: &str, stack: &str) -> Result<Self> {
        check("project", project)?;
        check("stack", stack)?;
        Ok(Self(format!("{project}/{stack}/")))
    }

    pub(super) fn head(&self) -> String {
        format!("{}head", self.0)
    }

    pub(super) fn segment(&self, id: &str) -> String {
        format!("{}log/{id}", self.0)
    }

    pub(super) fn snapshot(&self, id: &str) -> String {
        format!("{}snap/{id}", self.0)
    }

    /// A head that was set aside since its state was damaged.
    pub(super) fn damaged(&self, number: u32) -> String {
        format!("{}head.damaged-{number}", self.0)
    }

    /// Whether there is a head that was set aside: what it refers to may be needed to make sense of it, so that nothing is deleted then.
    pub(super) fn has_set_aside(&self, listed: &[Listed]) -> bool {
        let is_one = |key: &str| key.strip_prefix(&self.0).is_some_and(|name| name.starts_with("head.damaged-"));
        listed.iter().any(|listed| is_one(&listed.key))
    }

    /// The description of a chain that a snapshot took the place of.
    pub(super) fn chain(&self, id: &str) -> String {
        format!("{}chain/{id}", self.0)
    }

    /// The stack's key file.
    pub(super) fn key_file(&self, keys: &Path) -> PathBuf {
        keys.join(format!("{}.key", self.0.trim_end_matches('/')))
    }

    /// What every object of the stack begins with.
    pub(super) fn prefix(&self) -> &str {
        &self.0
    }
}

/// Refuses a name that can't be part of a key.
pub(super) fn check(what: &str, name: &str) -> Result<()> {
    match name_fault(name) {
        None => Ok(()),
        Some(fault) => {
            let url = name.escape_debug().to_string();
            Err(StateError::Place { url, why: format!("as the name of a {what}: {fault}") })
        }
    }
}

impl Bucket {
    /// An object's name for people.
    pub(super) fn name(&self, key: &str) -> String {
        let place = self.objects.place();
        let (path, query) = place.split_once('?').unwrap_or((&place, ""));
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}/{key}{mark}{query}", path.trim_end_matches('/'))
    }

    /// A name that nobody else draws.
    pub(super) fn draw_id(&self) -> String {
        format!("{:016x}{:016x}", self.world.random(), self.world.random())
    }

    /// The clock that leases are measured by.
    pub(super) fn lease_clock_ms(&self) -> u64 {
        use terrane_core::planted::{Bug, planted};
        if planted(Bug::PermitOnClockThatStops) { self.world.clock_ms() } else { self.world.lease_clock_ms() }
    }

    /// Waits before the next attempt: twice as long each time, less up to half of it by chance.
    pub(super) async fn pause(&self, attempt: u32) {
        let longest = self.settings.pause.saturating_mul(1 << attempt.min(16)).min(self.settings.pause_max);
        let half = u64::try_from(longest.as_micros() / 2).unwrap_or(u64::MAX);
        let pause = Duration::from_micros(half + self.world.random() % (half + 1));
        self.world.sleep(pause).await;
    }

    /// Reads an object; `None` when there is none.
    pub(super) async fn get(&self, key: &str) -> Result<Option<Object>> {
        let mut attempt = 0;
        loop {
            match self.objects.get(key, None).await {
                Ok(Some(object)) => return Ok(Some(object)),
                Err(Fault::Missing) => return Ok(None),
                // An answer to a question that was not asked.
                Ok(None) => self.again(&mut attempt, "read", key, Fault::Undecided("304".to_owned())).await?,
                Err(fault) => self.again(&mut attempt, "read", key, fault).await?,
            }
        }
    }

    /// Writes an object under a name that nobody else draws.
    pub(super) async fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        let mut attempt = 0;
        while let Err(fault) = self.objects.put(key, bytes.clone(), &When::Always).await {
            self.again(&mut attempt, "write", key, fault).await?;
        }
        Ok(())
    }

    /// Writes an object unless there is one; says whether it did. One that was written without an answer counts as another's.
    pub(super) async fn put_absent(&self, key: &str, bytes: Bytes) -> Result<bool> {
        let mut attempt = 0;
        loop {
            match self.objects.put(key, bytes.clone(), &When::Absent).await {
                Ok(_) => return Ok(true),
                Err(Fault::Precondition) => return Ok(false),
                Err(fault) => self.again(&mut attempt, "write", key, fault).await?,
            }
        }
    }

    pub(super) async fn delete(&self, key: &str) -> Result<()> {
        let mut attempt = 0;
        while let Err(fault) = self.objects.delete(key).await {
            self.again(&mut attempt, "delete", key, fault).await?;
        }
        Ok(())
    }

    pub(super) async fn list(&self, prefix: &str) -> Result<Vec<Listed>> {
        let mut attempt = 0;
        loop {
            match self.objects.list(prefix).await {
                Ok(listed) => return Ok(listed),
                Err(fault) => self.again(&mut attempt, "list", prefix, fault).await?,
            }
        }
    }

    /// Waits, if another attempt may help; else gives the error.
    async fn again(&self, attempt: &mut u32, action: &'static str, key: &str, fault: Fault) -> Result<()> {
        *attempt += 1;
        match fault {
            Fault::NoBucket => Err(self.no_bucket()),
            _ if *attempt < self.settings.attempts_max && may_pass(&fault, *attempt) => {
                self.pause(*attempt - 1).await;
                Ok(())
            }
            fault => Err(Error::Request { action, object: self.name(key), fault }.into()),
        }
    }

    pub(super) fn no_bucket(&self) -> StateError {
        Error::NoBucket { place: self.objects.place() }.into()
    }
}

/// Whether a later attempt may fare better. A refusal may be of credentials that ran out: one more attempt has fresh ones.
pub(super) fn may_pass(fault: &Fault, attempt: u32) -> bool {
    match fault {
        Fault::Conflict | Fault::Throttled | Fault::Undecided(_) => true,
        Fault::Denied(_) => attempt <= 2,
        Fault::Missing | Fault::NoBucket | Fault::Precondition | Fault::Refused(_) => false,
    }
}
