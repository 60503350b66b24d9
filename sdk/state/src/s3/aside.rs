//! Setting a damaged state aside: a copy of its head keeps all that it refers to, and the stack begins anew in its place.

use super::{
    S3Store,
    acquire::Swap,
    bucket::{Bucket, Folder},
    error::{Error, Result},
    head::{Head, damaged},
    lease::Sight,
    probe::proved,
    read::Found,
};
use crate::{Error as StateError, Holder, secrets::WrappedKey};
use bytes::Bytes;
use serde::Deserialize;
use terrane_core::state::Lineage;

/// So many damaged states are kept of a stack; more than that is a fault that goes on.
const NUMBER_MAX: u32 = 99;
/// How often a head is replaced that others change at the same time.
const ATTEMPTS_MAX: u32 = 8;

/// What may be read of a head whose checksum doesn't fit. The wrapped keys have checksums of their own.
#[derive(Deserialize)]
struct Remains {
    keys: Option<WrappedKey>,
}

impl S3Store {
    /// Copies the head aside, and replaces exactly what was copied by one without records; gives the copy's name.
    pub(super) async fn put_aside(&self, folder: &Folder, by: &Holder) -> Result<String> {
        let key = folder.head();
        for _ in 0..ATTEMPTS_MAX {
            let name = self.bucket.name(&key);
            let object = self.bucket.get(&key).await?.ok_or_else(|| damaged(&name, "it is gone"))?;
            let fresh = match Head::decode(&name, &object.bytes) {
                Ok(head) => {
                    let found = Found { head: head.clone(), etag: object.etag.clone() };
                    let seen = self.watch.look(&self.bucket, folder).await?;
                    let silent_ms = seen.filter(|seen| seen.found.etag == object.etag).map_or(0, |seen| seen.silent_ms);
                    self.check_free(&Sight { found, silent_ms }, by)?;
                    self.check_damaged(folder, &head).await?;
                    self.after(folder, head).await
                }
                Err(StateError::S3(Error::Damaged { .. })) => self.instead_of(folder, &object.bytes).await,
                Err(error) => return Err(error),
            };
            let copy = keep(&self.bucket, folder, &object.bytes).await?;
            match self.swap(folder, Some(object.etag), proved(&self.bucket, fresh).await?).await? {
                Swap::Written { .. } | Swap::Passed => return Ok(self.bucket.name(&copy)),
                Swap::Refused => self.bucket.delete(&copy).await?,
                // The copy may be all that is left of it.
                Swap::Unclear => {}
            }
        }
        Err(StateError::Locked { holder: None })
    }

    /// Refuses a head whose state loads, whatever it was when a person was asked. What is missing since the head has moved on counts as damage
    /// here: the head is not replaced then either.
    async fn check_damaged(&self, folder: &Folder, head: &Head) -> Result<()> {
        let loads = if head.has_state() { self.state_of(folder, head, None).await.map(drop) } else { Ok(()) };
        match loads {
            Err(error) if error.is_damage() => Ok(()),
            Err(error) => Err(error),
            Ok(()) => Err(StateError::Whole { place: self.bucket.name(folder.prefix()) }),
        }
    }

    /// What follows a head that reads.
    async fn after(&self, folder: &Folder, head: Head) -> Head {
        let Head { rev, nonce, epoch, recent, proof, keys, .. } = head;
        let keys = self.lasting(folder, keys).await;
        let lineage = Lineage::new(self.bucket.draw_id());
        Head { rev, nonce, epoch: epoch + 1, recent, proof, keys, ..Head::new(lineage) }
    }

    /// What takes the place of a head that doesn't. Its numbers can't be known; a moment in milliseconds is larger than any count of writes.
    async fn instead_of(&self, folder: &Folder, bytes: &[u8]) -> Head {
        let body = bytes.iter().position(|byte| *byte == b'\n').map_or(&[][..], |line| &bytes[line + 1..]);
        let keys = serde_json::from_slice(body).ok().and_then(|remains: Remains| remains.keys);
        let keys = self.lasting(folder, keys).await;
        let number = u64::try_from(self.bucket.world.now_ms()).unwrap_or(0);
        Head { rev: number, epoch: number, keys, ..Head::new(Lineage::new(self.bucket.draw_id())) }
    }
}

async fn keep(bucket: &Bucket, folder: &Folder, bytes: &Bytes) -> Result<String> {
    for number in 1..=NUMBER_MAX {
        let key = folder.damaged(number);
        if bucket.put_absent(&key, bytes.clone()).await? {
            return Ok(key);
        }
    }
    Err(damaged(
        &bucket.name(folder.prefix()),
        format!("{NUMBER_MAX} heads were set aside already; move some elsewhere"),
    ))
}
