//! `[metadata-client]` and `[metadata-server]`: where the cluster's metadata is.

use serde::{Deserialize, Serialize};

use super::ObjectStore;

/// `[metadata-client]`: where nodes find the metadata.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum MetadataClient {
    /// On the nodes with the role `metadata-server`.
    Replicated {
        /// The advertised addresses of them all, the same list on every node.
        addresses: Vec<String>,
    },
    /// In etcd.
    Etcd {
        /// `host:port` of its members.
        addresses: Vec<String>,
    },
    /// In an object store with conditional writes; of the services, Amazon S3 is the supported one.
    ObjectStore {
        /// Bucket and prefix, such as `s3://metadata/demo`.
        path: String,
        /// How to reach it.
        #[serde(flatten)]
        store: ObjectStore,
    },
}

/// `[metadata-server]`: the node's own part in replicated metadata. The role alone makes a node a member; the key
/// `type` of older guides is one of those that Restate 1.7 ignores.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct MetadataServer {
    /// Whether the node joins the metadata store by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_join: Option<bool>,
}
