//! Places of state as URLs.

use std::{
    env, io,
    path::{Path, PathBuf},
};

/// The scheme of folders on this machine.
const FILE: &str = "file://";

/// A place as a URL; a folder may also be given as a path, relative to `base`.
pub(super) fn url(text: &str, base: &Path) -> String {
    match (text.strip_prefix(FILE), text.contains("://")) {
        (None, true) => text.to_owned(),
        (path, _) => format!("{FILE}{}", base.join(path.unwrap_or(text)).display()),
    }
}

/// The folder that a URL names, if it names one.
pub(super) fn folder(url: &str) -> Option<PathBuf> {
    url.strip_prefix(FILE).map(PathBuf::from)
}

/// The region of the bucket that a URL names, as far as it or the environment says so.
pub(super) fn region(url: &str) -> Option<String> {
    let of_environment = || ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(|name| env::var(name).ok());
    terrane_state::s3::Url::parse(url).ok()?.region.or_else(of_environment)
}

/// Whether nothing is at a path. What stands in a folder's place is the store's to tell.
pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_urls_and_urls_stay() {
        let base = Path::new("/srv/shop");
        let places = ["state", "file://state", "file:///var/state", "s3://bucket/x"].map(|text| url(text, base));
        assert_eq!(places, ["file:///srv/shop/state", "file:///srv/shop/state", "file:///var/state", "s3://bucket/x"]);
    }

    #[test]
    fn only_a_bucket_is_in_a_region() {
        let regions = ["s3://bucket/x?region=eu-central-1", "file:///srv/state"].map(region);
        assert_eq!(regions, [Some("eu-central-1".to_owned()), None]);
    }
}
