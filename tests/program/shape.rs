//! The configuration: which resources there are, and how the program ends.

use serde::Deserialize;
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};
use terrane::Secret;

/// All of it.
#[derive(Deserialize)]
pub(crate) struct Shape {
    /// Where files are put. It has no default on purpose: nothing works without the configuration.
    pub(crate) folder: PathBuf,
    #[serde(default)]
    pub(crate) file: BTreeMap<String, FileShape>,
    #[serde(default)]
    pub(crate) region: BTreeMap<String, RegionShape>,
    #[serde(default)]
    pub(crate) process: BTreeMap<String, ProcessShape>,
    #[serde(default)]
    pub(crate) bucket: BTreeMap<String, BucketShape>,
    #[serde(default)]
    pub(crate) package: BTreeMap<String, PackageShape>,
    /// Files that are declared a second time.
    #[serde(default)]
    pub(crate) twice: Vec<String>,
    /// Declare nothing, and name no provider.
    #[serde(default)]
    pub(crate) empty: bool,
    /// Whether the claim `size=small` holds; else it isn't made.
    pub(crate) small: Option<bool>,
    #[serde(default)]
    pub(crate) ends: End,
}

/// How the program ends.
#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    #[default]
    Well,
    Failing,
    Panicking,
}

/// A `local:File`.
#[derive(Deserialize)]
pub(crate) struct FileShape {
    #[serde(default)]
    pub(crate) content: String,
    /// Its content instead, if it has a secret one.
    pub(crate) secret: Option<Secret<String>>,
    /// Its path in the folder; its name, if nothing is said.
    pub(crate) at: Option<String>,
    pub(crate) mode: Option<u32>,
    /// A file, earlier in the alphabet, whose path becomes part of the content.
    pub(crate) reads: Option<String>,
    /// Files that come first.
    #[serde(default)]
    pub(crate) after: Vec<String>,
    #[serde(default)]
    pub(crate) protected: bool,
}

/// A `local:Region`.
#[derive(Deserialize)]
pub(crate) struct RegionShape {
    pub(crate) endpoint: Option<SocketAddr>,
}

/// A `local:Process`.
#[derive(Deserialize)]
pub(crate) struct ProcessShape {
    pub(crate) region: String,
    pub(crate) program: String,
    #[serde(default)]
    pub(crate) arguments: Vec<String>,
    /// Where it listens, which is when it is ready.
    pub(crate) address: Option<SocketAddr>,
    /// An environment variable `SECRET`.
    pub(crate) secret: Option<String>,
}

/// A `local:Bucket`, and its `local:Replication` if it is copied anywhere.
#[derive(Deserialize)]
pub(crate) struct BucketShape {
    pub(crate) region: String,
    #[serde(default)]
    pub(crate) delete_objects: bool,
    /// The buckets that its objects are copied to.
    #[serde(default)]
    pub(crate) copies: Vec<String>,
}

/// A `local:NpmPackage`.
#[derive(Deserialize)]
pub(crate) struct PackageShape {
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) program: String,
}
