//! The state of Terraform and OpenTofu, version 4, as far as adopting its objects needs it.

use super::{Object, label};
use serde::Deserialize;
use serde_json::{Map, Value};

const VERSION: u64 = 4;

#[derive(Deserialize)]
struct Head {
    version: u64,
}

#[derive(Deserialize)]
struct State {
    #[serde(default)]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(default)]
    module: String,
    mode: String,
    #[serde(rename = "type")]
    of_type: String,
    name: String,
    #[serde(default)]
    instances: Vec<Instance>,
}

#[derive(Deserialize)]
struct Instance {
    #[serde(default)]
    index_key: Option<Value>,
    /// Set where the object is to be deleted after its replacement.
    #[serde(default)]
    deposed: Option<String>,
    #[serde(default)]
    attributes: Option<Map<String, Value>>,
}

/// The objects that it manages.
pub(super) fn objects(text: &[u8]) -> Result<Vec<Object>, String> {
    let Head { version } = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if version != VERSION {
        return Err(format!("it has version {version}, and version {VERSION} is read"));
    }
    let state: State = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let managed = state.resources.into_iter().filter(|resource| resource.mode == "managed");
    Ok(managed.flat_map(of_resource).collect())
}

fn of_resource(resource: Resource) -> Vec<Object> {
    let Resource { module, of_type, name, instances, .. } = resource;
    let prefix = if module.is_empty() { String::new() } else { format!("{module}.") };
    let scopes: Vec<String> = module.split('.').filter(|part| *part != "module").map(str::to_owned).collect();
    let kept = instances.into_iter().filter(|instance| instance.deposed.is_none());
    let object = |instance: Instance| {
        let index = instance.index_key.map(|key| key.to_string());
        let suffix = index.as_ref().map(|index| format!("[{index}]")).unwrap_or_default();
        let own = index.map_or_else(|| name.clone(), |index| format!("{name}-{}", index.trim_matches('"')));
        Object {
            address: format!("{prefix}{of_type}.{name}{suffix}"),
            label: label(scopes.iter().map(|scope| scope.replace("[\"", "-").replace("\"]", "")).chain([own])),
            of_type: of_type.clone(),
            attributes: instance.attributes.unwrap_or_default(),
        }
    };
    kept.map(object).collect()
}
