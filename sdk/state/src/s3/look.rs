//! What a bucket is set to, asked of AWS's own client.

use super::Url;
use crate::objects::BucketSettings;
use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{BucketVersioningStatus, ExpirationStatus, LifecycleRule},
};
use futures_util::future::join3;

/// Asks for all settings at once.
pub(super) async fn look(client: &Client, url: &Url) -> BucketSettings {
    let bucket = &url.bucket;
    let versioning = client.get_bucket_versioning().bucket(bucket).send();
    let lifecycle = client.get_bucket_lifecycle_configuration().bucket(bucket).send();
    let block = client.get_public_access_block().bucket(bucket).send();
    let (versioning, lifecycle, block) = join3(versioning, lifecycle, block).await;
    let versioned = versioning.map(|answer| answer.status == Some(BucketVersioningStatus::Enabled)).ok();
    let lets_go = |rule: &LifecycleRule| lets_old_versions_go(rule, &url.prefix);
    let lets_old_versions_go = lifecycle.map(|answer| answer.rules().iter().any(lets_go));
    let blocks_public_access = block.map(|answer| {
        answer.public_access_block_configuration.is_some_and(|block| {
            let settings = [
                block.block_public_acls,
                block.ignore_public_acls,
                block.block_public_policy,
                block.restrict_public_buckets,
            ];
            settings.iter().all(|setting| *setting == Some(true))
        })
    });
    BucketSettings {
        versioned,
        lets_old_versions_go: lets_old_versions_go.or_else(|error| unset(&error)).ok(),
        blocks_public_access: blocks_public_access.or_else(|error| unset(&error)).ok(),
    }
}

/// A bucket without the setting answers with an error; others tell nothing.
fn unset<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Result<bool, ()> {
    match error.code() {
        Some("NoSuchLifecycleConfiguration" | "NoSuchPublicAccessBlockConfiguration") => Ok(false),
        _ => Err(()),
    }
}

/// Whether a rule lets old versions of everything below a prefix go. A rule for some tags is none for all.
fn lets_old_versions_go(rule: &LifecycleRule, prefix: &str) -> bool {
    let filter = rule.filter.as_ref();
    let is_for_all = filter.is_none_or(|filter| filter.tag.is_none() && filter.and.is_none());
    #[expect(deprecated, reason = "rules that were made long ago say their prefix there")]
    let covered = filter.and_then(|filter| filter.prefix.as_deref()).or(rule.prefix.as_deref()).unwrap_or_default();
    let folder = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    rule.status == ExpirationStatus::Enabled
        && rule.noncurrent_version_expiration.is_some()
        && is_for_all
        && folder.starts_with(covered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::types::{LifecycleRuleFilter, NoncurrentVersionExpiration};

    #[test]
    fn a_rule_covers_what_is_below_its_prefix_and_nothing_beside() {
        let rule = || {
            let expiration = NoncurrentVersionExpiration::builder().noncurrent_days(30).build();
            LifecycleRule::builder().status(ExpirationStatus::Enabled).noncurrent_version_expiration(expiration)
        };
        let filtered =
            |prefix: &str| rule().filter(LifecycleRuleFilter::builder().prefix(prefix).build()).build().unwrap();
        #[expect(deprecated, reason = "rules that were made long ago say their prefix there")]
        let old = |prefix: &str| rule().prefix(prefix).build().unwrap();
        for (covered, prefix, covers) in [
            ("", "", true),
            ("", "team", true),
            ("team/", "team", true),
            ("team", "team-b", true),
            ("team/", "team-b", false),
            ("team/", "", false),
        ] {
            for rule in [filtered(covered), old(covered)] {
                assert_eq!(lets_old_versions_go(&rule, prefix), covers, "{covered} of {prefix}");
            }
        }
    }
}
