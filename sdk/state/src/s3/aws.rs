//! An object store by AWS's own client: one request a call, and each answer as what it says.

use super::{Url, look::look};
use crate::{
    aws,
    objects::{BucketSettings, ETag, Fault, Listed, Object, Objects, When},
};
use async_trait::async_trait;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::{
    Client,
    config::{
        BehaviorVersion, ConfigBag, Intercept, RequestChecksumCalculation, ResponseChecksumValidation,
        RuntimeComponents, interceptors::BeforeDeserializationInterceptorContextRef, retry::RetryConfig,
        timeout::TimeoutConfig,
    },
    error::{BoxError, ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
    types,
};
use bytes::Bytes;
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::sync::Mutex;

/// The longest that one request takes, whatever its size.
const ATTEMPT: Duration = Duration::from_secs(10);
/// The same for a write that a lease hangs on. With the time between two signs of life it is well below that for which one of them permits
/// calls, so that a request that gets lost is sent again in time.
const ATTEMPT_CONDITIONAL: Duration = Duration::from_secs(4);
const CONNECT: Duration = Duration::from_secs(3);
/// The slowest line on which a large object can be written.
const BYTES_PER_SECOND_MIN: usize = 128 << 10;
/// No object is larger.
const BYTES_MAX: usize = 1 << 30;
/// The region of a store that has none.
const ANY_REGION: &str = "us-east-1";

/// A bucket and prefix.
pub struct AwsObjects {
    url: Url,
    /// Made with the first request, and again after credentials were refused.
    client: Mutex<Option<Client>>,
}

impl AwsObjects {
    /// What is at a URL. Nothing is asked of it yet.
    pub fn new(url: Url) -> Self {
        Self { url, client: Mutex::default() }
    }

    async fn client(&self) -> Client {
        let mut client = self.client.lock().await;
        match &*client {
            Some(client) => client.clone(),
            None => client.insert(connect(&self.url).await).clone(),
        }
    }

    /// How a request ended. After a refusal the next one begins with fresh credentials.
    async fn fault<E>(&self, error: SdkError<E>) -> Fault
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let fault = fault(&error);
        if matches!(fault, Fault::Denied(_)) {
            *self.client.lock().await = None;
        }
        fault
    }

    fn key(&self, key: &str) -> String {
        if self.url.prefix.is_empty() { key.to_owned() } else { format!("{}/{key}", self.url.prefix) }
    }
}

/// A client for a URL.
pub(super) async fn connect(url: &Url) -> Client {
    let config = aws::config(url.region.as_deref(), url.profile.as_deref()).await;
    // The journal decides for itself whether a request is sent again.
    let mut builder = aws_sdk_s3::config::Builder::from(&config)
        .behavior_version(BehaviorVersion::v2026_01_12())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeout(ATTEMPT))
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    if let Some(endpoint) = &url.endpoint {
        builder = builder.endpoint_url(endpoint).force_path_style(true);
        if config.region().is_none() {
            builder = builder.region(aws_sdk_s3::config::Region::new(ANY_REGION));
        }
    }
    Client::from_conf(builder.build())
}

fn timeout(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(attempt).build()
}

/// What an error says about the request.
pub(super) fn fault<E>(error: &SdkError<E>) -> Fault
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = error.code().unwrap_or_default();
    let text = || text(error, code);
    if matches!(error, SdkError::ConstructionFailure(_)) || lacks_credentials(error) {
        // Without credentials or a region there is no request.
        return Fault::Denied(text());
    }
    let Some(status) = error.raw_response().map(|response| response.status().as_u16()) else {
        return Fault::Undecided(text());
    };
    match (status, code) {
        (_, "NoSuchBucket") => Fault::NoBucket,
        (404, _) => Fault::Missing,
        (412, _) => Fault::Precondition,
        (409, _) => Fault::Conflict,
        (401 | 403, _) | (_, "ExpiredToken" | "ExpiredTokenException" | "InvalidToken" | "TokenRefreshRequired") => {
            Fault::Denied(text())
        }
        (429, _) | (_, "SlowDown" | "Throttling" | "ThrottlingException") => Fault::Throttled,
        (501, _) => Fault::Refused(text()),
        (400, "RequestTimeout") | (200..=299 | 500.., _) => Fault::Undecided(text()),
        _ => Fault::Refused(text()),
    }
}

/// Whether this machine's credentials couldn't be had, or had run out: nothing was sent then.
fn lacks_credentials(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut errors = std::iter::successors(Some(error), |error| error.source());
    errors.any(<dyn std::error::Error + 'static>::is::<CredentialsError>)
}

/// An error in words: those of the store, its status, or what went wrong on the way to it.
fn text<E>(error: &SdkError<E>, code: &str) -> String
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match (error.message(), error.raw_response()) {
        (Some(message), _) if !code.is_empty() => format!("{code}: {message}"),
        (_, Some(response)) if matches!(error, SdkError::ServiceError(_)) => format!("status {}", response.status()),
        _ => {
            let mut words = error.to_string();
            let mut cause = std::error::Error::source(error);
            while let Some(error) = cause {
                words = format!("{words}: {error}");
                cause = error.source();
            }
            words
        }
    }
}

#[async_trait]
impl Objects for AwsObjects {
    fn place(&self) -> String {
        self.url.to_string()
    }

    async fn get(&self, key: &str, known: Option<&ETag>) -> Result<Option<Object>, Fault> {
        let request = self.client().await.get_object().bucket(&self.url.bucket).key(self.key(key));
        let known = known.map(|etag| etag.0.clone());
        let answer = match request.set_if_none_match(known).send().await {
            Ok(answer) => answer,
            Err(error) if error.raw_response().is_some_and(|response| response.status().as_u16() == 304) => {
                return Ok(None);
            }
            Err(error) => return Err(self.fault(error).await),
        };
        let length = answer.content_length().and_then(|length| usize::try_from(length).ok());
        if length.is_some_and(|length| length > BYTES_MAX) {
            return Err(Fault::Refused(format!("the object is larger than {BYTES_MAX} bytes")));
        }
        let etag = ETag(answer.e_tag().ok_or_else(|| Fault::Refused("the answer has no ETag".to_owned()))?.to_owned());
        let body = answer.body.collect().await.map_err(|error| Fault::Undecided(error.to_string()))?;
        let bytes = body.into_bytes();
        match length {
            Some(length) if length != bytes.len() => {
                Err(Fault::Undecided(format!("{} of {length} bytes came", bytes.len())))
            }
            _ => Ok(Some(Object { bytes, etag })),
        }
    }

    async fn put(&self, key: &str, bytes: Bytes, when: &When) -> Result<ETag, Fault> {
        let request = self.client().await.put_object().bucket(&self.url.bucket).key(self.key(key));
        let (request, longest) = match when {
            When::Always => (request, ATTEMPT),
            When::Absent => (request.if_none_match("*"), ATTEMPT_CONDITIONAL),
            When::Matches(etag) => (request.if_match(&etag.0), ATTEMPT_CONDITIONAL),
        };
        let longest = longest + Duration::from_secs((bytes.len() / BYTES_PER_SECOND_MIN) as u64);
        let own = aws_sdk_s3::config::Builder::new().timeout_config(timeout(longest));
        let sent = request.body(ByteStream::from(bytes)).customize().config_override(own).send().await;
        match sent {
            // It was written; what it is called now has to be read.
            Ok(answer) => answer.e_tag.map(ETag).ok_or_else(|| Fault::Undecided("the answer has no ETag".to_owned())),
            Err(error) => Err(self.fault(error).await),
        }
    }

    async fn delete(&self, key: &str) -> Result<(), Fault> {
        let request = self.client().await.delete_object().bucket(&self.url.bucket).key(self.key(key));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => match self.fault(error).await {
                Fault::Missing => Ok(()),
                fault => Err(fault),
            },
        }
    }

    async fn list(&self, prefix: &str) -> Result<Vec<Listed>, Fault> {
        let (client, inside) = (self.client().await, self.key(""));
        let (mut listed, mut from) = (Vec::new(), None);
        loop {
            let clock = StoreClock::default();
            let request = client.list_objects_v2().bucket(&self.url.bucket).prefix(self.key(prefix));
            let request = request.set_continuation_token(from).customize().interceptor(clock.clone());
            let page = match request.send().await {
                Ok(page) => page,
                Err(error) => return Err(self.fault(error).await),
            };
            listed.extend(page.contents().iter().filter_map(|object| clock.listed(object, &inside)));
            match page.next_continuation_token {
                Some(next) if page.is_truncated == Some(true) => from = Some(next),
                _ => return Ok(listed),
            }
        }
    }

    async fn settings(&self) -> BucketSettings {
        look(&self.client().await, &self.url).await
    }
}

/// The store's own clock, as its last answer told it, in milliseconds of Unix time.
#[derive(Debug, Clone, Default)]
struct StoreClock(Arc<AtomicI64>);

impl StoreClock {
    /// An entry of a listing. Where the store doesn't tell the time, everything in it is young.
    fn listed(&self, object: &types::Object, inside: &str) -> Option<Listed> {
        let key = object.key()?.strip_prefix(inside)?.to_owned();
        let bytes = object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
        let changed_ms = object.last_modified().and_then(|time| time.to_millis().ok());
        let age_ms = changed_ms.map_or(0, |changed_ms| self.0.load(Ordering::Relaxed) - changed_ms);
        Some(Listed { key, bytes, age_ms })
    }
}

impl Intercept for StoreClock {
    fn name(&self) -> &'static str {
        "StoreClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        if let Some(time) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) {
            self.0.store(time.timestamp().as_millisecond(), Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_credential_types::{
        Credentials,
        provider::{ProvideCredentials, future},
    };

    #[derive(Debug)]
    struct Expired;

    impl ProvideCredentials for Expired {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::ready(Err::<Credentials, _>(CredentialsError::not_loaded(
                "the session has expired",
            )))
        }
    }

    #[tokio::test]
    async fn a_request_that_lacks_credentials_was_denied_and_not_lost() {
        let url = Url::parse("s3://states?region=eu-central-1&endpoint=http://127.0.0.1:9").unwrap();
        let config = connect(&url).await.config().to_builder().credentials_provider(Expired).build();
        let error = Client::from_conf(config).get_object().bucket("states").key("head").send().await.unwrap_err();
        let fault = fault(&error);
        assert!(matches!(&fault, Fault::Denied(why) if why.contains("expired")), "{fault:?}");
    }
}
