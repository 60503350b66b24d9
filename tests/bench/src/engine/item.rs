//! The provider that is measured with: its objects exist nowhere, so its verbs cost nothing but the time they are told to take.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use terrane::{Creation, Found, Kinds, Live, Outputs, Progress, Provider, Resource, Result};

/// Where items are: nowhere.
#[derive(Serialize, Deserialize, Clone)]
pub(super) struct Bench {}

impl Provider for Bench {
    const NAME: &'static str = "bench";
    type Client = ();

    async fn connect(&self) -> Result<()> {
        Ok(())
    }

    fn kinds(kinds: &mut Kinds<Self>) {
        kinds.add::<Item>();
    }
}

/// An object that costs nothing.
#[derive(Resource, Serialize, Deserialize, Clone)]
#[resource(kind = "bench:Item", provider = Bench, outputs = ItemOutputs)]
pub(super) struct Item {
    value: String,
    /// The id of another item.
    upstream: Option<String>,
    /// How long its create takes.
    #[input(default = 0)]
    delay_ms: u64,
}

/// What is known of an [`Item`].
#[derive(Outputs, Serialize, Deserialize, Clone)]
pub(super) struct ItemOutputs {
    #[output(stable)]
    pub(super) id: String,
}

impl Resource for Item {
    async fn read((): &(), was: &Live<Self>) -> Result<Option<Live<Self>>> {
        Ok(Some(was.clone()))
    }

    async fn create(&self, (): &(), creation: &Creation) -> Result<ItemOutputs> {
        if self.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(self.delay_ms)).await;
        }
        Ok(ItemOutputs { id: creation.token().to_owned() })
    }

    async fn update(&self, (): &(), was: &Live<Self>, _: &Progress) -> Result<ItemOutputs> {
        Ok(was.outputs.clone())
    }

    async fn delete((): &(), _: &Live<Self>, _: &Progress) -> Result<()> {
        Ok(())
    }

    async fn find(&self, (): &(), _: &Creation) -> Result<Found<ItemOutputs>> {
        Ok(Found::Nothing)
    }
}
