//! Kinds without their type: what the engine calls.

use super::{
    ClientOf, Creation, Found, KindSpec, Live, Progress, Resource,
    spec::{decode, encode},
};
use crate::{Result, state::Instance};
use async_trait::async_trait;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// Inputs and outputs as state keeps them.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    /// The inputs.
    pub inputs: Map<String, Value>,
    /// The outputs.
    pub outputs: Map<String, Value>,
}

impl From<&Instance> for Recorded {
    fn from(instance: &Instance) -> Self {
        Self { inputs: (*instance.inputs.values).clone(), outputs: (*instance.outputs.values).clone() }
    }
}

/// [`Found`], without the type.
pub type Finding = Found<Map<String, Value>>;

/// The outputs of every object that a create could be mistaken for, by id.
pub type Listing = BTreeMap<String, Map<String, Value>>;

/// A kind bound to a connected client.
#[async_trait]
pub trait AnyKind: Send + Sync {
    /// What is constant about it.
    fn spec(&self) -> &'static KindSpec;
    /// See [`Resource::read`].
    async fn read(&self, was: Recorded) -> Result<Option<Recorded>>;
    /// See [`Resource::create`].
    async fn create(&self, inputs: Map<String, Value>, creation: &Creation) -> Result<Map<String, Value>>;
    /// See [`Resource::update`].
    async fn update(
        &self,
        inputs: Map<String, Value>,
        was: Recorded,
        progress: &Progress,
    ) -> Result<Map<String, Value>>;
    /// See [`Resource::delete`].
    async fn delete(&self, was: Recorded, progress: &Progress) -> Result<()>;
    /// See [`Resource::wait`].
    async fn wait(&self, now: Recorded, progress: &Progress) -> Result<()>;
    /// See [`Resource::find`].
    async fn find(&self, inputs: Map<String, Value>, creation: &Creation) -> Result<Finding>;
    /// See [`Resource::list`].
    async fn list(&self, inputs: Map<String, Value>) -> Result<Option<Listing>>;
    /// See [`Resource::import`].
    async fn import(&self, id: &str) -> Result<Option<Recorded>>;
}

/// A resource type and the client its verbs get.
pub(crate) struct Bound<R: Resource>(pub(crate) Arc<ClientOf<R>>);

fn live<R: Resource>(was: Recorded) -> Result<Live<R>> {
    Ok(Live { inputs: decode(was.inputs)?, outputs: serde_json::from_value(Value::Object(was.outputs))? })
}

fn recorded<R: Resource>(live: &Live<R>) -> Result<Recorded> {
    Ok(Recorded { inputs: encode(&live.inputs)?, outputs: encode(&live.outputs)? })
}

#[async_trait]
impl<R: Resource> AnyKind for Bound<R> {
    fn spec(&self) -> &'static KindSpec {
        KindSpec::of::<R>()
    }

    async fn read(&self, was: Recorded) -> Result<Option<Recorded>> {
        R::read(&self.0, &live(was)?).await?.as_ref().map(recorded::<R>).transpose()
    }

    async fn create(&self, inputs: Map<String, Value>, creation: &Creation) -> Result<Map<String, Value>> {
        encode(&decode::<R>(inputs)?.create(&self.0, creation).await?)
    }

    async fn update(
        &self,
        inputs: Map<String, Value>,
        was: Recorded,
        progress: &Progress,
    ) -> Result<Map<String, Value>> {
        encode(&decode::<R>(inputs)?.update(&self.0, &live(was)?, progress).await?)
    }

    async fn delete(&self, was: Recorded, progress: &Progress) -> Result<()> {
        R::delete(&self.0, &live(was)?, progress).await
    }

    async fn wait(&self, now: Recorded, progress: &Progress) -> Result<()> {
        let now = live::<R>(now)?;
        now.inputs.wait(&self.0, &now.outputs, progress).await
    }

    async fn find(&self, inputs: Map<String, Value>, creation: &Creation) -> Result<Finding> {
        decode::<R>(inputs)?.find(&self.0, creation).await?.try_map(|outputs| encode(&outputs))
    }

    async fn list(&self, inputs: Map<String, Value>) -> Result<Option<Listing>> {
        let Some(all) = decode::<R>(inputs)?.list(&self.0).await? else { return Ok(None) };
        all.into_iter().map(|(id, outputs)| Ok((id, encode(&outputs)?))).collect::<Result<_>>().map(Some)
    }

    async fn import(&self, id: &str) -> Result<Option<Recorded>> {
        R::import(&self.0, id).await?.as_ref().map(recorded::<R>).transpose()
    }
}
