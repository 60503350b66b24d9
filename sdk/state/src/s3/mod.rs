//! State in a bucket: each stack is one object that changes, its *head*, and objects that never do.
//!
//! ```text
//! <project>/<stack>/head         who holds the stack, the newest records, and what else there is
//! <project>/<stack>/log/<id>     older records
//! <project>/<stack>/snap/<id>    snapshots
//! <project>/<stack>/chain/<id>   what restore points before a snapshot are made of
//! ```
//!
//! # Flow
//! A commit is one conditional write of the head (`commit`), so that it succeeds for one writer only: whoever lost the stack can't write any
//! more, however late it wakes up. The first commit also takes the stack, where it is free, and the last one may give it up (`writer`). When
//! the head gets long, its records go into a segment beside the commits (`spill`). The holder gives signs of life (`lease`); one that is
//! silent for long is replaced. Reading (`read`) locks nothing. Long logs are folded beside the commits (`compact`), and what nothing refers
//! to is swept up later (`collect`).
//!
//! # Guarantees
//! What was acknowledged is read by everybody from then on. Of several writers one succeeds, even where answers are lost, requests arrive late or
//! twice, and processes are stopped and go on.
//!
//! # Assumptions
//! The store reads its own writes and decides conditional writes one after another, which is tried out before the first write (`probe`).
//!
//! # Caveats
//! A stack that was removed leaves a head of a few hundred bytes behind, so that no late writer can bring it back.

mod acquire;
mod advice;
mod aside;
#[cfg(feature = "s3")]
mod aws;
mod bucket;
mod collect;
mod commit;
mod compact;
#[cfg(feature = "s3")]
mod create;
mod error;
mod head;
mod journal;
mod lease;
#[cfg(feature = "s3")]
mod look;
mod probe;
mod read;
mod settings;
mod spill;
#[cfg(test)]
mod tests;
mod url;
mod writer;

#[cfg(feature = "s3")]
pub use aws::AwsObjects;
pub use error::Error;
pub use head::{Chain, FORMAT, Head, Hold, Part, Point, Proof};
pub use settings::{IsAlive, Settings};
pub use url::Url;

use self::{
    bucket::{Bucket, Folder, check},
    journal::S3Journal,
    lease::{Read, Watch},
    read::{Patience, Reader},
};
use crate::{
    Error as StateError, Export, Held, Holder, Journal, RestorePoint, Store, World,
    objects::Objects,
    secrets::{self, WrappedKey},
};
use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, future::join, stream};
use std::sync::Arc;
use terrane_core::{
    Plan, Properties, State,
    planted::{Bug, planted},
};

/// How many heads are looked at at once.
const LOOKS_MAX: usize = 16;
/// Stands where the lineage of a state would in what a configuration file's secrets are bound to.
const CONFIG: &str = "config";

/// The store at a URL, with the defaults.
///
/// # Errors
/// When the URL names no place, or this build lacks the feature `s3`.
pub fn open(url: &str) -> Result<S3Store, StateError> {
    let parsed = Url::parse(url)?;
    #[cfg(feature = "s3")]
    return Ok(S3Store::new(
        Arc::new(AwsObjects::new(parsed)),
        Arc::new(crate::RealWorld::default()),
        Settings::default(),
    ));
    #[cfg(not(feature = "s3"))]
    Err(lacking(url, &parsed))
}

/// Makes the bucket of a URL, fit for state: private, encrypted, with versions that are let go after 30 days, over TLS only. Says whether it
/// was made; a bucket that exists is left as it is.
///
/// # Errors
/// What can't be made, or this build lacks the feature `s3`.
#[cfg_attr(not(feature = "s3"), expect(clippy::unused_async, reason = "the other form asks the store"))]
pub async fn create_bucket(url: &str) -> Result<bool, StateError> {
    let parsed = Url::parse(url)?;
    #[cfg(feature = "s3")]
    return create::create(&parsed).await;
    #[cfg(not(feature = "s3"))]
    Err(lacking(url, &parsed))
}

#[cfg(not(feature = "s3"))]
fn lacking(url: &str, _: &Url) -> StateError {
    let why = "this program was built without state on S3; turn the feature `s3` of the crate `terrane` on: \
               terrane = { …, features = [\"s3\"] }";
    StateError::Place { url: url.to_owned(), why: why.to_owned() }
}

/// State in a bucket. A process makes one value of it and keeps it: it remembers for how long others have been silent, and that the store is fit.
pub struct S3Store {
    bucket: Bucket,
    watch: Arc<Watch>,
}

impl S3Store {
    /// State in what `objects` reaches.
    pub fn new(objects: Arc<dyn Objects>, world: Arc<dyn World>, settings: Settings) -> Self {
        let bucket = Bucket { objects, world, settings, probed: Arc::default() };
        Self { bucket, watch: Arc::default() }
    }

    /// The state as it is, or as it was at a restore point.
    async fn state(&self, folder: &Folder, at: Option<u64>) -> Result<Option<State>, StateError> {
        let mut patience = Patience::default();
        loop {
            let asked_ms = self.bucket.lease_clock_ms();
            let Some(found) = read::head(&self.bucket, folder).await? else { return Ok(None) };
            if !found.head.has_state() {
                return Ok(None);
            }
            let read = self.state_of(folder, &found.head, at).await;
            if let Some(state) = patience.judge(&self.bucket, folder, &found.etag, read)? {
                if at.is_none() {
                    self.watch.keep(Read { folder: folder.clone(), found, state: state.clone(), asked_ms });
                }
                return Ok(Some(state));
            }
        }
    }

    async fn state_of(&self, folder: &Folder, head: &Head, at: Option<u64>) -> Result<State, StateError> {
        let sealer = self.sealer(folder, head.keys.clone()).await?;
        let reader = Reader { bucket: &self.bucket, folder, lineage: &head.lineage, sealer: &sealer };
        let Some(seq) = at else { return reader.state(&head.chain).await };
        let Some(point) = head.points.iter().find(|point| point.seq == seq) else {
            return Err(self.no_point(folder, seq));
        };
        match &point.chain {
            Some(part) => reader.state(&reader.chain(part).await?.up_to(seq)).await,
            None if planted(Bug::PointReadAsNow) => reader.state(&head.chain).await,
            None => reader.state(&head.chain.up_to(seq)).await,
        }
    }

    fn no_point(&self, folder: &Folder, seq: u64) -> StateError {
        StateError::NoRestorePoint { place: self.bucket.name(folder.prefix()), seq }
    }

    /// The stack that a head is of, if it has a state, or one that can't be read.
    async fn stack_of(&self, project: &str, key: &str) -> Result<Option<String>, StateError> {
        let stack = key.strip_prefix(project).and_then(|key| key.strip_prefix('/')?.strip_suffix("/head"));
        let Some(stack) = stack.filter(|stack| !stack.contains('/')) else { return Ok(None) };
        let has_state = match read::head(&self.bucket, &Folder::new(project, stack)?).await {
            Ok(found) => found.is_some_and(|found| found.head.has_state()),
            Err(StateError::S3(Error::Damaged { .. } | Error::Newer { .. })) => true,
            Err(error) => return Err(error),
        };
        Ok(has_state.then(|| stack.to_owned()))
    }
}

#[async_trait]
impl Store for S3Store {
    fn place(&self) -> String {
        self.bucket.objects.place()
    }

    async fn stacks(&self, project: &str) -> Result<Vec<String>, StateError> {
        check("project", project)?;
        let listed = self.bucket.list(&format!("{project}/")).await?;
        let heads = listed.into_iter().filter(|listed| listed.key.ends_with("/head"));
        let looked = stream::iter(heads).map(|head| async move { self.stack_of(project, &head.key).await });
        let mut stacks: Vec<String> =
            looked.buffered(LOOKS_MAX).try_filter_map(async |stack| Ok(stack)).try_collect().await?;
        stacks.sort();
        Ok(stacks)
    }

    async fn read(&self, project: &str, stack: &str) -> Result<Option<State>, StateError> {
        self.state(&Folder::new(project, stack)?, None).await
    }

    async fn open(&self, project: &str, stack: &str, holder: &Holder) -> Result<Arc<dyn Journal>, StateError> {
        let (writer, state, quiet) = self.take(&Folder::new(project, stack)?, holder).await?;
        Ok(Arc::new(S3Journal::new(writer, self.watch.clone(), state, quiet)))
    }

    async fn held(&self, project: &str, stack: &str) -> Result<Option<Held>, StateError> {
        self.watch.held(&self.bucket, &Folder::new(project, stack)?, &Holder::current()).await
    }

    async fn unlock(&self, project: &str, stack: &str, holder: &Holder) -> Result<bool, StateError> {
        self.fence(&Folder::new(project, stack)?, holder).await
    }

    async fn restore_points(&self, project: &str, stack: &str) -> Result<Vec<RestorePoint>, StateError> {
        let found = read::head(&self.bucket, &Folder::new(project, stack)?).await?;
        let points = found.map(|found| found.head.points).unwrap_or_default();
        Ok(points.iter().map(|point| RestorePoint { seq: point.seq, at_ms: point.at_ms, bytes: point.bytes }).collect())
    }

    async fn read_at(&self, project: &str, stack: &str, seq: u64) -> Result<State, StateError> {
        let folder = Folder::new(project, stack)?;
        self.state(&folder, Some(seq)).await?.ok_or_else(|| self.no_point(&folder, seq))
    }

    async fn remove(&self, project: &str, stack: &str, holder: &Holder) -> Result<(), StateError> {
        let folder = Folder::new(project, stack)?;
        // Listed before the tombstone is there: what is listed can't be part of a stack that is begun anew right after.
        let listed = self.bucket.list(folder.prefix()).await?;
        self.bury(&folder, holder).await?;
        if folder.has_set_aside(&listed) {
            return Ok(());
        }
        let parts = listed.into_iter().filter(|listed| listed.key != folder.head());
        let deleted = stream::iter(parts).map(|part| async move { self.bucket.delete(&part.key).await });
        deleted.buffer_unordered(LOOKS_MAX).try_collect().await
    }

    async fn set_aside(&self, project: &str, stack: &str, holder: &Holder) -> Result<String, StateError> {
        self.put_aside(&Folder::new(project, stack)?, holder).await
    }

    async fn seal_plan(&self, plan: &mut Plan) -> Result<(), StateError> {
        let lineage = plan.lineage.as_str().to_owned();
        let folder = Folder::new(&plan.project, &plan.stack)?;
        *plan = self
            .with_keys(&folder, |sealer| {
                let mut sealed = plan.clone();
                sealed.visit_secrets(&mut |path, properties| sealer.seal(&lineage, path, properties))?;
                Ok(sealed)
            })
            .await?;
        Ok(())
    }

    async fn open_plan(&self, plan: &mut Plan) -> Result<(), StateError> {
        let folder = Folder::new(&plan.project, &plan.stack)?;
        let sealer = self.sealer(&folder, self.keys(&plan.project, &plan.stack).await?).await?;
        let lineage = plan.lineage.as_str().to_owned();
        plan.visit_secrets(&mut |path, properties| sealer.open(&lineage, path, properties))
    }

    async fn seal_export(&self, project: &str, stack: &str, state: State) -> Result<Export, StateError> {
        let folder = Folder::new(project, stack)?;
        self.with_keys(&folder, |sealer| Export::seal(project, stack, state.clone(), sealer)).await
    }

    async fn open_export(&self, export: Export) -> Result<State, StateError> {
        let folder = Folder::new(&export.project, &export.stack)?;
        let sealer = self.sealer(&folder, export.keys.clone()).await?;
        export.open(&sealer)
    }

    async fn keys(&self, project: &str, stack: &str) -> Result<Option<WrappedKey>, StateError> {
        let found = read::head(&self.bucket, &Folder::new(project, stack)?).await?;
        Ok(found.and_then(|found| found.head.keys))
    }

    async fn copy_keys(&self, project: &str, from: &str, to: &str) -> Result<(), StateError> {
        let (old, new) = (Folder::new(project, from)?, Folder::new(project, to)?);
        let Some(keys) = self.keys(project, from).await? else { return Ok(()) };
        if let Some(folder) = &self.bucket.settings.key_folder {
            secrets::copy_key_file(&old.key_file(folder), &new.key_file(folder))?;
        }
        self.give_keys(&new, &keys).await
    }

    async fn seal_config(&self, project: &str, stack: &str, values: &mut Properties) -> Result<(), StateError> {
        let (folder, place) = (Folder::new(project, stack)?, format!("{project}/{stack}"));
        *values = self
            .with_keys(&folder, |sealer| {
                let mut sealed = values.clone();
                sealer.seal(CONFIG, &place, &mut sealed)?;
                Ok(sealed)
            })
            .await?;
        Ok(())
    }

    async fn open_config(&self, project: &str, stack: &str, values: &mut Properties) -> Result<(), StateError> {
        let keys = self.keys(project, stack).await?;
        let sealer = self.sealer(&Folder::new(project, stack)?, keys).await?;
        sealer.open(CONFIG, &format!("{project}/{stack}"), values)
    }

    async fn advice(&self, project: &str, stack: &str) -> Result<Vec<String>, StateError> {
        let folder = Folder::new(project, stack)?;
        let (settings, listed) = join(self.bucket.objects.settings(), self.bucket.objects.list(folder.prefix())).await;
        Ok(advice::advice(&self.place(), &settings, &listed))
    }
}
