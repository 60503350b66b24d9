//! How to reach an object store. The same keys in `[metadata-client]` and in `[worker.snapshots]`.

use serde::{Deserialize, Serialize};
use terrane::Secret;

use super::env_name;

/// How to reach an object store. What isn't set comes from the node's surroundings, such as its IAM role.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct ObjectStore {
    /// A named profile of the AWS configuration, instead of all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_profile: Option<String>,
    /// The region for which requests are signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_region: Option<String>,
    /// Another endpoint than Amazon's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_endpoint_url: Option<String>,
    /// Allow an endpoint without TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_allow_http: Option<bool>,
    /// The id of the key, which isn't secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_access_key_id: Option<String>,
    /// The key. Never in the file, see [`Settings::secret_env`](super::Settings::secret_env).
    #[serde(skip)]
    pub aws_secret_access_key: Option<Secret<String>>,
    /// The token of a temporary session. Never in the file either.
    #[serde(skip)]
    pub aws_session_token: Option<Secret<String>>,
}

impl ObjectStore {
    /// The secrets as environment variables, for the section at `path`.
    pub(super) fn secrets(&self, path: &str) -> Vec<(String, String)> {
        let keys =
            [("aws-secret-access-key", &self.aws_secret_access_key), ("aws-session-token", &self.aws_session_token)];
        let named = |(key, secret): (&str, &Option<Secret<String>>)| {
            secret.as_ref().map(|secret| (env_name(&format!("{path}.{key}")), secret.expose().clone()))
        };
        keys.into_iter().filter_map(named).collect()
    }
}
