//! Options that the derives don't know, or that contradict each other: all are reported at once.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use terrane::{Inputs, Outputs, Resource};

#[derive(Resource, Serialize, Deserialize, Clone)]
#[resource(kind = "queue", provder = Aws, output = QueueOutputs)]
struct Queue {
    #[input(replaces, secret = true)]
    name: String,
    #[input(replace, immutable = "messages would be lost")]
    retention: u64,
    #[input(default = 5)]
    visibility: Option<u32>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    after: String,
}

#[derive(Inputs, Serialize, Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
struct Redrive {
    #[input(replace)]
    to: String,
}

#[derive(Outputs, Serialize, Deserialize, Clone)]
struct QueueOutputs {
    #[output(stabel)]
    #[serde(rename = "URL")]
    url: String,
}

fn main() {}
