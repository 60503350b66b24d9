//! A data key encrypted by AWS KMS: the service does it, and never gives its own key away.

use super::{
    error::{Error, Result},
    key::Key,
};
use serde::{Deserialize, Serialize};

/// What the name of a KMS key begins with.
pub(super) const PREFIX: &str = "awskms:";

/// A key of AWS KMS: its ARN, its id or `alias/…`; the region is that of the ARN, or the one that is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsKey(String);

/// A data key under a KMS key, as the state keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KmsWrap {
    kms_key: String,
    sealed_key: String,
    /// Tells damage from a missing permission.
    checksum: String,
}

impl KmsKey {
    pub(super) fn parse(text: &str) -> Result<Self> {
        let key = text.strip_prefix(PREFIX).unwrap_or(text);
        let refuse = |problem| Err(Error::NotARecipient { text: text.to_owned(), problem });
        if key.is_empty() || key.len() > 2048 || !key.chars().all(|c| c.is_ascii_graphic()) {
            return refuse("a KMS key is an ARN, a key id or alias/<name>");
        }
        if key.starts_with("arn:") && key.split(':').count() < 6 {
            return refuse("its ARN is cut short");
        }
        Ok(Self(key.to_owned()))
    }

    pub(super) fn name(&self) -> String {
        format!("{PREFIX}{}", self.0)
    }
}

impl KmsWrap {
    pub(super) fn name(&self) -> String {
        format!("{PREFIX}{}", self.kms_key)
    }
}

/// Without the feature there is nobody to ask.
#[cfg(not(feature = "kms"))]
mod service {
    use super::{Error, Key, KmsKey, KmsWrap, Result};

    pub(in super::super) async fn wrap(key: &KmsKey, _: &Key) -> Result<KmsWrap> {
        Err(Error::NoKmsFeature { key: key.name() })
    }

    impl KmsWrap {
        pub(in super::super) async fn unwrap_key(&self, _: &str) -> Result<Key> {
            Err(Error::NoKmsFeature { key: self.name() })
        }
    }
}

#[cfg(feature = "kms")]
mod service {
    use super::{super::key::checksum, Error, Key, KmsKey, KmsWrap, Result};
    use aws_sdk_kms::{
        Client,
        error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
        primitives::Blob,
    };
    use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
    use zeroize::Zeroizing;

    /// Names the data key to the service, which then refuses to decrypt it under another name.
    const CONTEXT: &str = "terrane:key";

    pub(in super::super) async fn wrap(kms: &KmsKey, key: &Key) -> Result<KmsWrap> {
        let client = client(&kms.0).await;
        let request = client.encrypt().key_id(&kms.0).encryption_context(CONTEXT, key.id());
        let answer = request.plaintext(Blob::new(key.expose())).send().await;
        let answer = answer.map_err(|error| failed(&kms.0, "Encrypt", &error))?;
        let sealed = answer.ciphertext_blob().map(Blob::as_ref).unwrap_or_default();
        let sealed_key = BASE64.encode(sealed);
        let checksum = checksum(&[&key.id(), &kms.0, &sealed_key]);
        Ok(KmsWrap { kms_key: kms.0.clone(), sealed_key, checksum })
    }

    impl KmsWrap {
        /// The data key `id`.
        pub(in super::super) async fn unwrap_key(&self, id: &str) -> Result<Key> {
            let corrupt = |problem| Error::CorruptWrap { key_id: id.to_owned(), problem };
            if self.checksum != checksum(&[id, &self.kms_key, &self.sealed_key]) {
                return Err(corrupt("it doesn't match its checksum"));
            }
            let sealed = BASE64.decode(&self.sealed_key).map_err(|_| corrupt("it is not base64"))?;
            let client = client(&self.kms_key).await;
            let request = client.decrypt().key_id(&self.kms_key).encryption_context(CONTEXT, id);
            let answer = match request.ciphertext_blob(Blob::new(sealed)).send().await {
                Ok(answer) => answer,
                Err(error) if error.code() == Some("InvalidCiphertextException") => {
                    return Err(corrupt("AWS KMS can't decrypt it"));
                }
                Err(error) => return Err(failed(&self.kms_key, "Decrypt", &error)),
            };
            let bytes = answer.plaintext.map(Blob::into_inner).map(Zeroizing::new).unwrap_or_default();
            let key = Key::of(&bytes).filter(|key| key.id() == id);
            key.ok_or_else(|| corrupt("the key in it is not the one it names"))
        }
    }

    async fn client(key: &str) -> Client {
        // arn:aws:kms:<region>:<account>:key/<id>
        let region = key.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2)).filter(|region| !region.is_empty());
        Client::new(&crate::aws::config(region, None).await)
    }

    fn failed<E>(key: &str, permission: &'static str, error: &SdkError<E>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let key = format!("{}{key}", super::PREFIX);
        match error.code() {
            Some("AccessDeniedException") => {
                let answer = error.message().unwrap_or("access denied").to_owned();
                Error::KmsDenied { key, permission, answer }
            }
            _ => Error::Kms { key, answer: DisplayErrorContext(error).to_string() },
        }
    }
}

pub(super) use service::wrap;
