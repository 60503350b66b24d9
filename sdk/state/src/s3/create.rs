//! Making a bucket for state: private, encrypted, with versions, over TLS only.

use super::{
    Url,
    aws::{connect, fault},
    error::{Error, Result},
};
use crate::objects::Fault;
use aws_sdk_s3::{
    Client,
    error::{BuildError, ProvideErrorMetadata, SdkError},
    types::{
        AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketLocationConstraint, BucketVersioningStatus,
        CreateBucketConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule, LifecycleRuleFilter,
        NoncurrentVersionExpiration, PublicAccessBlockConfiguration, ServerSideEncryption,
        ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
        VersioningConfiguration,
    },
};
use serde_json::json;

/// For how many days former versions of an object are kept.
const VERSION_DAYS: i32 = 30;
/// The region whose name must not be given.
const FIRST_REGION: &str = "us-east-1";

struct Making<'a> {
    client: &'a Client,
    bucket: &'a str,
}

/// Makes the bucket of a URL; says whether there was none yet. One that exists is left as it is.
///
/// # Errors
/// The setting that was refused; the bucket is deleted again then.
pub(super) async fn create(url: &Url) -> Result<bool> {
    let client = connect(url).await;
    let making = Making { client: &client, bucket: &url.bucket };
    if making.exists().await? {
        return Ok(false);
    }
    making.make().await?;
    match making.set_up(url).await {
        Ok(()) => Ok(true),
        // Half made, it would be left as it is by the next attempt. Nothing is in it yet.
        Err(error) => Err(making.take_back(error).await),
    }
}

impl Making<'_> {
    async fn exists(&self) -> Result<bool> {
        match self.client.head_bucket().bucket(self.bucket).send().await {
            Ok(_) => Ok(true),
            // An answer without a body has no code.
            Err(error) => match fault(&error) {
                Fault::Missing | Fault::NoBucket => Ok(false),
                // Who may not look gets no other answer.
                fault @ Fault::Denied(_) => Err(self.taken(fault)),
                fault => Err(self.refused("look at", fault)),
            },
        }
    }

    async fn make(&self) -> Result<()> {
        let region = self.client.config().region().map(ToString::to_string);
        let elsewhere = region.filter(|region| region != FIRST_REGION).map(|region| {
            let there = BucketLocationConstraint::from(region.as_str());
            CreateBucketConfiguration::builder().location_constraint(there).build()
        });
        let request = self.client.create_bucket().bucket(self.bucket).set_create_bucket_configuration(elsewhere);
        match request.send().await {
            Err(error) if error.code() == Some("BucketAlreadyExists") => Err(self.taken(fault(&error))),
            ended => self.done("create", ended),
        }
    }

    async fn set_up(&self, url: &Url) -> Result<()> {
        self.keep_private().await?;
        self.keep_versions().await?;
        self.encrypt().await?;
        // A store that is reached without TLS would shut out everybody.
        if !url.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://")) {
            self.refuse_plain_http().await?;
        }
        self.drop_old_versions().await
    }

    /// Deletes the bucket that was just made, and says why.
    async fn take_back(&self, why: crate::Error) -> crate::Error {
        let bucket = self.bucket.to_owned();
        match self.client.delete_bucket().bucket(self.bucket).send().await {
            Ok(_) => why,
            Err(error) => Error::HalfMade { bucket, why: why.to_string(), fault: fault(&error) }.into(),
        }
    }

    async fn keep_private(&self) -> Result<()> {
        let block = PublicAccessBlockConfiguration::builder()
            .block_public_acls(true)
            .ignore_public_acls(true)
            .block_public_policy(true)
            .restrict_public_buckets(true)
            .build();
        let request =
            self.client.put_public_access_block().bucket(self.bucket).public_access_block_configuration(block);
        self.done("block public access to", request.send().await)
    }

    async fn keep_versions(&self) -> Result<()> {
        let versions = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        let request = self.client.put_bucket_versioning().bucket(self.bucket).versioning_configuration(versions);
        self.done("turn versions on for", request.send().await)
    }

    async fn encrypt(&self) -> Result<()> {
        const ACTION: &str = "turn encryption on for";
        let by = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::Aes256).build();
        let by = self.built(ACTION, by)?;
        let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(by).build();
        let rules = self.built(ACTION, ServerSideEncryptionConfiguration::builder().rules(rule).build())?;
        let request =
            self.client.put_bucket_encryption().bucket(self.bucket).server_side_encryption_configuration(rules);
        self.done(ACTION, request.send().await)
    }

    async fn refuse_plain_http(&self) -> Result<()> {
        let bucket = format!("arn:aws:s3:::{}", self.bucket);
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "TlsOnly",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [bucket, format!("{bucket}/*")],
                "Condition": { "Bool": { "aws:SecureTransport": "false" } },
            }],
        });
        let request = self.client.put_bucket_policy().bucket(self.bucket).policy(policy.to_string());
        self.done("refuse plain HTTP to", request.send().await)
    }

    /// Each write leaves a version behind, so that they are let go after a while.
    async fn drop_old_versions(&self) -> Result<()> {
        const ACTION: &str = "limit old versions in";
        let rule = LifecycleRule::builder()
            .id("terrane-old-versions")
            .status(ExpirationStatus::Enabled)
            .filter(LifecycleRuleFilter::builder().prefix("").build())
            .noncurrent_version_expiration(NoncurrentVersionExpiration::builder().noncurrent_days(VERSION_DAYS).build())
            .expiration(LifecycleExpiration::builder().expired_object_delete_marker(true).build())
            .abort_incomplete_multipart_upload(
                AbortIncompleteMultipartUpload::builder().days_after_initiation(7).build(),
            );
        let rule = self.built(ACTION, rule.build())?;
        let rules = self.built(ACTION, BucketLifecycleConfiguration::builder().rules(rule).build())?;
        let request =
            self.client.put_bucket_lifecycle_configuration().bucket(self.bucket).lifecycle_configuration(rules);
        self.done(ACTION, request.send().await)
    }

    fn built<T>(&self, action: &'static str, built: std::result::Result<T, BuildError>) -> Result<T> {
        built.map_err(|error| self.refused(action, Fault::Refused(error.to_string())))
    }

    fn done<T, E>(&self, action: &'static str, ended: std::result::Result<T, SdkError<E>>) -> Result<()>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        ended.map(drop).map_err(|error| self.refused(action, fault(&error)))
    }

    fn taken(&self, fault: Fault) -> crate::Error {
        Error::Taken { bucket: self.bucket.to_owned(), fault }.into()
    }

    fn refused(&self, action: &'static str, fault: Fault) -> crate::Error {
        Error::Request { action, object: format!("bucket {}", self.bucket), fault }.into()
    }
}
