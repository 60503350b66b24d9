//! The file of an object: its body, then its attributes as JSON, then the length of that JSON in ten digits.
//!
//! The attributes stand at the end because the entity tag is known only once the body has been written.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use s3s::dto::{Checksum, ETag, Timestamp};
use serde::{Deserialize, Serialize};

/// Digits that tell the length of the attributes.
const LENGTH_DIGITS: usize = 10;

/// Largest attributes, in bytes. S3 allows 2 KiB of a user's metadata.
const ATTRIBUTES_BYTES_MAX: u64 = 64 * 1024;

/// What is known about an object besides its body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Attributes {
    pub(crate) size_bytes: u64,
    pub(crate) e_tag: String,
    /// Grows with every version of a key, in nanoseconds since 1970.
    pub(crate) modified_ns: u64,
    #[serde(default)]
    pub(crate) headers: Headers,
    #[serde(default)]
    pub(crate) metadata: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) checksums: Checksums,
    /// The region that the object was first written in, if it is a replica.
    #[serde(default)]
    pub(crate) replica_of: Option<String>,
}

/// Headers that are kept and given back as they came.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Headers {
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) cache_control: Option<String>,
}

/// Checksums that the writer sent and that were verified.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Checksums {
    pub(crate) crc32: Option<String>,
    pub(crate) crc32c: Option<String>,
    pub(crate) crc64nvme: Option<String>,
    pub(crate) sha1: Option<String>,
    pub(crate) sha256: Option<String>,
}

impl From<Checksum> for Checksums {
    fn from(checksum: Checksum) -> Self {
        Self {
            crc32: checksum.checksum_crc32,
            crc32c: checksum.checksum_crc32c,
            crc64nvme: checksum.checksum_crc64nvme,
            sha1: checksum.checksum_sha1,
            sha256: checksum.checksum_sha256,
        }
    }
}

impl Attributes {
    pub(crate) fn tag(&self) -> ETag {
        ETag::Strong(self.e_tag.clone())
    }

    pub(crate) fn modified(&self) -> Timestamp {
        Timestamp::from(UNIX_EPOCH + Duration::from_nanos(self.modified_ns))
    }

    /// Now, or just after the version before, whichever is later.
    pub(crate) fn next_modified_ns(before: Option<&Self>) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        now.max(before.map_or(0, |version| version.modified_ns.saturating_add(1)))
    }

    /// The order in which all regions agree which of two versions of a key is the later one.
    pub(crate) fn version(&self) -> (u64, &str) {
        (self.modified_ns, &self.e_tag)
    }
}

/// Ends a file that holds a body with its attributes.
pub(crate) fn append(mut file: &File, attributes: &Attributes) -> io::Result<()> {
    let json = serde_json::to_vec(attributes)?;
    file.seek(SeekFrom::Start(attributes.size_bytes))?;
    file.write_all(&json)?;
    write!(file, "{:0width$}", json.len(), width = LENGTH_DIGITS)?;
    let end = file.stream_position()?;
    file.set_len(end)
}

/// Reads the attributes of an object's file, and leaves the file at the body's start.
pub(crate) fn read(mut file: &File) -> io::Result<Attributes> {
    let broken = || io::Error::new(io::ErrorKind::InvalidData, "the file is not a whole object");
    let length = file.metadata()?.len();
    let digits_at = length.checked_sub(LENGTH_DIGITS as u64).ok_or_else(broken)?;
    file.seek(SeekFrom::Start(digits_at))?;
    let mut digits = String::new();
    file.read_to_string(&mut digits)?;
    let json_bytes: u64 = digits.parse().map_err(|_| broken())?;
    let body_bytes =
        digits_at.checked_sub(json_bytes).filter(|_| json_bytes <= ATTRIBUTES_BYTES_MAX).ok_or_else(broken)?;
    file.seek(SeekFrom::Start(body_bytes))?;
    let mut json = Vec::new();
    file.take(json_bytes).read_to_end(&mut json)?;
    let attributes: Attributes = serde_json::from_slice(&json)?;
    if attributes.size_bytes != body_bytes {
        return Err(broken());
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(attributes)
}
