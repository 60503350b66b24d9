//! A kind with every sort of input, and a typed reference to it.

use super::Aws;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, marker::PhantomData};
use terrane::{Creation, Declared, Inputs, IntoInput, Live, Output, Outputs, Problems, Progress, Resource, Result};

/// Names one `R` to other resources.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Arn<R> {
    pub text: String,
    of: PhantomData<fn() -> R>,
}

impl<R> Clone for Arn<R> {
    fn clone(&self) -> Self {
        Self { text: self.text.clone(), of: PhantomData }
    }
}

impl IntoInput<Arn<Queue>> for &Declared<Queue> {
    fn into_input(self) -> Output<Arn<Queue>> {
        self.arn.clone()
    }
}

/// A queue that keeps messages until a worker takes them.
#[derive(Resource, Serialize, Deserialize, Clone)]
#[resource(kind = "aws:sqs:Queue", provider = Aws, outputs = QueueOutputs)]
pub struct Queue {
    /// Its name in its region.
    #[input(name, replace)]
    name: String,
    /// Seconds that a message is kept.
    retention: u64,
    /// Seconds that a taken message stays hidden.
    #[input(default = 30)]
    visibility: u32,
    #[input(default = "standard", immutable = "messages of a former type would be lost")]
    r#type: String,
    /// Where messages go that nobody could handle.
    redrive: Option<Redrive>,
    #[input(secret)]
    token: Option<String>,
    tags: Option<BTreeMap<String, String>>,
}

/// Moves messages to another queue.
#[derive(Inputs, Serialize, Deserialize, Clone)]
pub struct Redrive {
    to: Arn<Queue>,
    #[input(default = 5)]
    after: u32,
}

/// What the cloud knows about a [`Queue`].
#[derive(Outputs, Serialize, Deserialize, Clone)]
pub struct QueueOutputs {
    /// Address of the queue.
    #[output(stable)]
    pub url: String,
    #[output(stable)]
    pub arn: Arn<Queue>,
    #[output(secret)]
    pub key: String,
    pub depth: Option<u64>,
}

impl Resource for Queue {
    async fn read(_: &(), was: &Live<Self>) -> Result<Option<Live<Self>>> {
        Ok(Some(was.clone()))
    }

    async fn create(&self, _: &(), creation: &Creation) -> Result<QueueOutputs> {
        let Self { name, .. } = self;
        let arn = Arn { text: format!("arn:{name}"), of: PhantomData };
        Ok(QueueOutputs { url: format!("https://{name}/"), arn, key: creation.token().to_owned(), depth: None })
    }

    async fn update(&self, _: &(), was: &Live<Self>, _: &Progress) -> Result<QueueOutputs> {
        Ok(was.outputs.clone())
    }

    async fn delete(_: &(), _: &Live<Self>, _: &Progress) -> Result<()> {
        Ok(())
    }

    fn check(&self, problems: &mut Problems) {
        if self.visibility > 43_200 {
            problems.add("visibility", "must be at most 43200");
        }
    }
}
