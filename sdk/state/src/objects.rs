//! What the S3 journal needs of an object store: five requests and the truth about how each ended.

use async_trait::async_trait;
use bytes::Bytes;

/// What tells one content of an object from another; opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(pub String);

/// On what condition an object is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// On none.
    Always,
    /// There is no object under the key (`If-None-Match: *`).
    Absent,
    /// The object is the one that was read (`If-Match`).
    Matches(ETag),
}

/// An object that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its content, whole: a body that was cut short is [`Fault::Undecided`].
    pub bytes: Bytes,
    /// What tells this content from others.
    pub etag: ETag,
}

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// How old it is in milliseconds, by the store's own clock: the listing's `Date` less the object's last change.
    pub age_ms: i64,
}

/// How a request ended that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is no such object (404 `NoSuchKey`).
    #[error("there is no such object")]
    Missing,
    /// There is no such bucket (404 `NoSuchBucket`).
    #[error("there is no such bucket")]
    NoBucket,
    /// The condition did not hold (412).
    #[error("the condition did not hold")]
    Precondition,
    /// The condition could not be decided (409 `ConditionalRequestConflict`): nothing is known, ask again.
    #[error("the store could not decide the condition")]
    Conflict,
    /// Not allowed (401, 403, an expired token).
    #[error("the store refuses: {0}")]
    Denied(String),
    /// Too much at once (429, 503 `SlowDown`): it was not carried out.
    #[error("the store asks to slow down")]
    Throttled,
    /// It may or may not have been carried out: a time-out, a reset, a 5xx, a body cut short.
    #[error("no clear answer: {0}")]
    Undecided(String),
    /// Refused for good: a request that this store doesn't understand.
    #[error("the store refuses the request: {0}")]
    Refused(String),
}

/// What a bucket is set to; `None` is what the store doesn't tell, or not to this caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BucketSettings {
    /// Whether it keeps what was overwritten or deleted.
    pub versioned: Option<bool>,
    /// Whether it lets go of that after a while.
    pub lets_old_versions_go: Option<bool>,
    /// Whether it refuses to become public in any way.
    pub blocks_public_access: Option<bool>,
}

/// A bucket and a prefix in it. Each call is one request: whether to try again is for the caller to decide.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Where it is, for people: `s3://bucket/prefix`.
    fn place(&self) -> String;

    /// Reads an object; `None` when it is still the one that is `known` (304).
    async fn get(&self, key: &str, known: Option<&ETag>) -> Result<Option<Object>, Fault>;

    /// Writes an object, on a condition.
    async fn put(&self, key: &str, bytes: Bytes, when: &When) -> Result<ETag, Fault>;

    /// Deletes an object; one that is gone counts as deleted.
    async fn delete(&self, key: &str) -> Result<(), Fault>;

    /// All objects under a prefix, all pages, in the order of their keys.
    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, Fault>;

    /// What the bucket is set to: for advice, so that it never fails, and may take several requests.
    async fn settings(&self) -> BucketSettings {
        BucketSettings::default()
    }
}
