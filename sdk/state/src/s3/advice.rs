//! What a person should know about a bucket: settings that make a mistake final, the bill grow, or state public.

use crate::objects::{BucketSettings, Fault, Listed};

/// One sentence for each setting that should be another one. What the store doesn't tell is passed over.
pub(super) fn advice(place: &str, settings: &BucketSettings, listed: &Result<Vec<Listed>, Fault>) -> Vec<String> {
    let BucketSettings { versioned, lets_old_versions_go, blocks_public_access } = *settings;
    let place = place.split('?').next().unwrap_or(place);
    let mut advice = Vec::new();
    if versioned == Some(false) {
        advice.push(format!(
            "the bucket of {place} keeps no versions of its objects: what is overwritten or deleted by mistake can't be brought back. Turn \
             versioning on, with a lifecycle rule that lets old versions go"
        ));
    }
    if versioned == Some(true) && lets_old_versions_go == Some(false) {
        advice.push(format!(
            "the bucket of {place} keeps all versions of its objects for ever, and each write leaves one: add a lifecycle rule that lets noncurrent \
             versions go, such as after 30 days"
        ));
    }
    if blocks_public_access == Some(false) {
        advice.push(format!(
            "the bucket of {place} does not block public access: turn on all four settings of its public access block"
        ));
    }
    if matches!(listed, Err(Fault::Denied(_))) {
        advice.push(format!(
            "these credentials may not list the objects of {place}: what nothing refers to any more is never swept up. Allow s3:ListBucket, and \
             s3:DeleteObject with it"
        ));
    }
    advice
}
