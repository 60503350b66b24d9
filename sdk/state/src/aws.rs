//! How this machine reaches AWS: region, credentials and TLS, by the same rules as AWS's own tools.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

/// The configuration of the environment and of the shared files, where nothing else is said.
pub(crate) async fn config(region: Option<&str>, profile: Option<&str>) -> SdkConfig {
    let tls = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12()).http_client(tls);
    if let Some(region) = region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    loader.load().await
}
