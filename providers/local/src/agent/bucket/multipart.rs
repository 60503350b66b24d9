//! Multipart uploads in progress: a folder each, with what the object will be and one object file a part.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use s3s::crypto::{Checksum as _, Md5};
use s3s::{S3Error, S3Result, s3_error};
use serde::{Deserialize, Serialize};

use super::object::{self, Attributes};
use super::staging::{Received, hex};
use super::store::{Condition, Store, StoreError, open_version};

/// Smallest part except the last, in bytes, as in S3.
const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;

/// Highest part number, as in S3.
const PARTS_MAX: i32 = 10_000;

/// What an upload will become.
#[derive(Serialize, Deserialize)]
struct Plan {
    bucket: String,
    key: String,
    attributes: Attributes,
}

/// An upload in progress.
pub(super) struct Upload<'a> {
    store: &'a Store,
    folder: PathBuf,
    plan: Plan,
}

/// A part as the writer names it.
pub(super) struct PartName {
    pub(super) number: i32,
    pub(super) e_tag: Option<String>,
}

impl<'a> Upload<'a> {
    /// Begins an upload and gives its id.
    pub(super) fn begin(store: &'a Store, (bucket, key): (&str, &str), attributes: Attributes) -> S3Result<String> {
        store.file(bucket, key).map_err(s3_code)?;
        let id = format!("{:032x}", fastrand::u128(..));
        let folder = store.uploads().join(&id);
        fs::create_dir_all(&folder).map_err(S3Error::internal_error)?;
        let plan = Plan { bucket: bucket.to_owned(), key: key.to_owned(), attributes };
        let content = serde_json::to_vec(&plan).map_err(S3Error::internal_error)?;
        fs::write(folder.join("plan.json"), content).map_err(S3Error::internal_error)?;
        Ok(id)
    }

    /// Finds an upload of this key.
    pub(super) fn find(store: &'a Store, (bucket, key): (&str, &str), id: &str) -> S3Result<Self> {
        let unknown = || s3_error!(NoSuchUpload, "there is no such upload of this key");
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(unknown());
        }
        let folder = store.uploads().join(id);
        let content = fs::read(folder.join("plan.json")).map_err(|_| unknown())?;
        let plan: Plan = serde_json::from_slice(&content).map_err(S3Error::internal_error)?;
        if plan.bucket != bucket || plan.key != key {
            return Err(unknown());
        }
        Ok(Self { store, folder, plan })
    }

    /// Adds a part, or replaces it, and gives its entity tag.
    pub(super) fn add(&self, number: i32, received: &Received) -> S3Result<String> {
        if !(1..=PARTS_MAX).contains(&number) {
            return Err(s3_error!(InvalidArgument, "part numbers go from 1 to {PARTS_MAX}"));
        }
        let attributes = Attributes {
            size_bytes: received.size_bytes,
            e_tag: received.md5.clone(),
            modified_ns: Attributes::next_modified_ns(None),
            ..Attributes::default()
        };
        let publish = || {
            let file = File::options().write(true).open(&received.staged.path)?;
            object::append(&file, &attributes)?;
            fs::rename(&received.staged.path, self.part(number))
        };
        publish().map_err(S3Error::internal_error)?;
        Ok(attributes.e_tag)
    }

    /// The parts that have arrived, by number.
    pub(super) fn parts(&self) -> S3Result<Vec<(i32, Attributes)>> {
        let mut parts = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(S3Error::internal_error)?.flatten() {
            let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(number) = number {
                parts.push((number, open_version(&entry.path()).map_err(s3_code)?.attributes));
            }
        }
        parts.sort_by_key(|(number, _)| *number);
        Ok(parts)
    }

    /// Joins the parts into the object.
    pub(super) fn complete(self, parts: &[PartName], condition: &Condition) -> S3Result<Attributes> {
        if parts.is_empty() {
            return Err(s3_error!(InvalidRequest, "name at least one part"));
        }
        let staged = self.store.stage();
        let mut target = File::create(&staged.path).map_err(S3Error::internal_error)?;
        let mut tags = Md5::new();
        let mut attributes = self.plan.attributes.clone();
        let mut before = 0;
        for (index, part) in parts.iter().enumerate() {
            if part.number <= before {
                return Err(s3_error!(InvalidPartOrder, "the parts must be in ascending order"));
            }
            before = part.number;
            let is_last = index + 1 == parts.len();
            attributes.size_bytes += self.append_part(part, is_last, &mut target, &mut tags)?;
        }
        attributes.e_tag = format!("{}-{}", hex(&tags.finalize()), parts.len());
        let name = (self.plan.bucket.as_str(), self.plan.key.as_str());
        let attributes = self.store.commit(name, &staged, attributes, condition).map_err(s3_code)?;
        self.abort()?;
        Ok(attributes)
    }

    fn append_part(&self, part: &PartName, is_last: bool, target: &mut File, tags: &mut Md5) -> S3Result<u64> {
        let missing = || s3_error!(InvalidPart, "part {} has not arrived, or not with this entity tag", part.number);
        let mut version = open_version(&self.part(part.number)).map_err(|_| missing())?;
        let Attributes { size_bytes, e_tag, .. } = version.attributes;
        if part.e_tag.as_ref().is_some_and(|claimed| *claimed != e_tag) {
            return Err(missing());
        }
        if size_bytes < PART_BYTES_MIN && !is_last {
            return Err(s3_error!(EntityTooSmall, "part {} is smaller than {PART_BYTES_MIN} bytes", part.number));
        }
        tags.update(&unhex(&e_tag));
        let mut body = io::Read::take(&mut version.file, size_bytes);
        io::copy(&mut body, target).map_err(S3Error::internal_error)
    }

    /// Throws the upload away.
    pub(super) fn abort(self) -> S3Result<()> {
        fs::remove_dir_all(&self.folder).map_err(S3Error::internal_error)
    }

    fn part(&self, number: i32) -> PathBuf {
        self.folder.join(number.to_string())
    }
}

/// The bytes of an entity tag that this module has written.
fn unhex(text: &str) -> Vec<u8> {
    let digits = |start: usize| text.get(start..start + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    (0..text.len()).step_by(2).filter_map(digits).collect()
}

/// The S3 error code of a store's error.
pub(super) fn s3_code(error: StoreError) -> S3Error {
    match error {
        StoreError::NoSuchBucket => s3_error!(NoSuchBucket),
        StoreError::NoSuchKey => s3_error!(NoSuchKey),
        StoreError::KeyTooLong => s3_error!(KeyTooLongError),
        StoreError::PreconditionFailed => s3_error!(PreconditionFailed),
        StoreError::Io(error) => S3Error::internal_error(error),
    }
}
