//! What `pulumi stack export` writes, as far as adopting its objects needs it.

use super::{Object, label};
use serde::Deserialize;
use serde_json::{Map, Value};

const VERSIONS: [u64; 2] = [3, 4];

#[derive(Deserialize)]
struct Head {
    version: u64,
}

#[derive(Deserialize)]
struct Export {
    deployment: Deployment,
}

#[derive(Deserialize)]
struct Deployment {
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    urn: String,
    /// Whether it has an object of its own; components have none.
    #[serde(default)]
    custom: bool,
    /// Whether Pulumi only reads it.
    #[serde(default)]
    external: bool,
    /// Whether it was replaced and is to be deleted.
    #[serde(default)]
    delete: bool,
    #[serde(default)]
    id: Option<String>,
    #[serde(rename = "type")]
    of_type: String,
    #[serde(default)]
    outputs: Map<String, Value>,
}

/// The objects that it manages.
pub(super) fn objects(text: &[u8]) -> Result<Vec<Object>, String> {
    let Head { version } = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if !VERSIONS.contains(&version) {
        return Err(format!("it has version {version}, and versions {} and {} are read", VERSIONS[0], VERSIONS[1]));
    }
    let export: Export = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let managed = |resource: &Resource| {
        let of_pulumi = resource.of_type.starts_with("pulumi:");
        resource.custom && !resource.external && !resource.delete && !of_pulumi
    };
    Ok(export.deployment.resources.into_iter().filter(managed).map(object).collect())
}

fn object(resource: Resource) -> Object {
    let name = resource.urn.rsplit("::").next().unwrap_or_default();
    let mut attributes = resource.outputs;
    if let Some(id) = resource.id {
        attributes.insert("id".to_owned(), id.into());
    }
    Object { label: label([name]), of_type: resource.of_type, attributes, address: resource.urn }
}
