//! A kind that is not named after its provider.

#[path = "../demo/mod.rs"]
mod demo;

use demo::Kubernetes;
use serde::{Deserialize, Serialize};
use terrane::{Creation, Live, Outputs, Progress, Resource, Result};

#[derive(Resource, Serialize, Deserialize, Clone)]
#[resource(kind = "aws:Queue", provider = Kubernetes, outputs = QueueOutputs)]
struct Queue {}

#[derive(Outputs, Serialize, Deserialize, Clone)]
struct QueueOutputs {}

impl Resource for Queue {
    async fn read(_: &(), was: &Live<Self>) -> Result<Option<Live<Self>>> {
        Ok(Some(was.clone()))
    }

    async fn create(&self, _: &(), _: &Creation) -> Result<QueueOutputs> {
        Ok(QueueOutputs {})
    }

    async fn update(&self, _: &(), _: &Live<Self>, _: &Progress) -> Result<QueueOutputs> {
        Ok(QueueOutputs {})
    }

    async fn delete(_: &(), _: &Live<Self>, _: &Progress) -> Result<()> {
        Ok(())
    }
}

fn main() {}
