//! The provider of the cloud in memory, as a provider's author would write it.

use super::cloud::{Cloud, Order};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};
use terrane::{Creation, Error, Found, Kinds, Live, Outputs, Problems, Progress, Provider, Recovery, Resource, Result};

/// A region of a cloud in memory.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub(crate) struct Demo {
    pub cloud: String,
    pub region: String,
}

/// What verbs are called with.
pub(crate) struct Client {
    cloud: Arc<Cloud>,
    region: String,
}

impl Provider for Demo {
    const NAME: &'static str = "demo";
    const PLACE: &'static [&'static str] = &["region"];
    type Client = Client;

    async fn connect(&self) -> Result<Client> {
        Ok(Client { cloud: Cloud::named(&self.cloud), region: self.region.clone() })
    }

    fn kinds(kinds: &mut Kinds<Self>) {
        kinds.add::<Thing>().add::<Unique>().add::<Watched>().add::<Grant>();
    }
}

/// What any object tells.
#[derive(Outputs, Serialize, Deserialize, Clone, Debug)]
pub(crate) struct Told {
    #[output(stable)]
    pub id: String,
    pub url: String,
    #[output(secret)]
    pub key: String,
}

/// An object with everything that an input can be.
#[derive(Resource, Serialize, Deserialize, Clone, Debug)]
#[resource(kind = "demo:Thing", provider = Demo, outputs = Told)]
pub(crate) struct Thing {
    value: String,
    #[input(replace)]
    shape: Option<String>,
    label: Option<String>,
    #[input(secret)]
    password: Option<String>,
    #[input(name)]
    name: Option<String>,
    #[input(immutable = "its data would be lost")]
    fixed: Option<String>,
    #[input(default = Vec::<String>::new())]
    needs: Vec<String>,
}

/// An object that can't exist twice.
#[derive(Resource, Serialize, Deserialize, Clone, Debug)]
#[resource(kind = "demo:Unique", provider = Demo, outputs = Told, delete_first)]
pub(crate) struct Unique {
    value: String,
    #[input(replace)]
    shape: Option<String>,
    #[input(default = Vec::<String>::new())]
    needs: Vec<String>,
}

/// An object that every plan looks at.
#[derive(Resource, Serialize, Deserialize, Clone, Debug)]
#[resource(kind = "demo:Watched", provider = Demo, outputs = Told, always_read)]
pub(crate) struct Watched {
    value: String,
    label: Option<String>,
}

/// An object that nothing marks, and that tells nothing by which it is known again.
#[derive(Resource, Serialize, Deserialize, Clone, Debug)]
#[resource(kind = "demo:Grant", provider = Demo, outputs = Granted, recovery = Recovery::Unmarked)]
pub(crate) struct Grant {
    value: String,
}

/// What a grant tells.
#[derive(Outputs, Serialize, Deserialize, Clone, Debug)]
pub(crate) struct Granted {
    pub id: String,
    #[output(secret)]
    pub key: String,
}

fn fields(inputs: &impl Serialize) -> Result<Map<String, Value>> {
    let mut fields = serde_json::from_value::<Map<String, Value>>(serde_json::to_value(inputs)?)?;
    fields.retain(|_, value| !value.is_null());
    Ok(fields)
}

fn told(value: Value) -> Result<Told> {
    Ok(serde_json::from_value(value)?)
}

impl Client {
    async fn make(
        &self,
        kind: &'static str,
        unique: bool,
        inputs: &impl Serialize,
        creation: &Creation,
    ) -> Result<Told> {
        let (token, logical) = (creation.token().to_owned(), creation.urn().name().to_owned());
        let order = Order { kind, token, logical, region: self.region.clone(), inputs: fields(inputs)?, unique };
        told(self.cloud.create(order).await?)
    }

    async fn find(&self, creation: &Creation) -> Result<Found<Told>> {
        self.cloud.find(creation.urn().name(), creation.token()).await.try_map(told)
    }
}

macro_rules! verbs {
    ($kind:ident, unique: $unique:literal, $($check:item)?) => {
        impl Resource for $kind {
            async fn read(client: &Client, was: &Live<Self>) -> Result<Option<Live<Self>>> {
                Self::import(client, &was.outputs.id).await
            }

            async fn create(&self, client: &Client, creation: &Creation) -> Result<Told> {
                client.make(<Self as terrane::Described>::KIND, $unique, self, creation).await
            }

            async fn update(&self, client: &Client, was: &Live<Self>, _: &Progress) -> Result<Told> {
                told(client.cloud.update(&was.outputs.id, fields(self)?).await?)
            }

            async fn delete(client: &Client, was: &Live<Self>, _: &Progress) -> Result<()> {
                client.cloud.delete(&was.outputs.id).await
            }

            async fn wait(&self, client: &Client, outputs: &Told, progress: &Progress) -> Result<()> {
                progress.say("getting ready");
                client.cloud.wait(&outputs.id).await
            }

            async fn find(&self, client: &Client, creation: &Creation) -> Result<Found<Told>> {
                client.find(creation).await
            }

            async fn import(client: &Client, id: &str) -> Result<Option<Live<Self>>> {
                let Some((inputs, outputs)) = client.cloud.read(id)? else { return Ok(None) };
                let inputs = serde_json::from_value(inputs.into()).map_err(Error::from)?;
                Ok(Some(Live { inputs, outputs: told(outputs)? }))
            }

            $($check)?
        }
    };
}

verbs!(
    Thing,
    unique: false,
    fn check(&self, problems: &mut Problems) {
        if self.value.is_empty() {
            problems.add("value", "must not be empty");
        }
        for (at, need) in self.needs.iter().enumerate().filter(|(_, need)| need.contains(' ')) {
            problems.add(format!("needs[{at}]"), format!("must be an id, found `{need}`"));
        }
    }
);
verbs!(Unique, unique: true,);
verbs!(Watched, unique: false,);

/// A draft of a thing whose value is set.
pub(crate) type Ready = ThingDraft<terrane::__private::Set>;

impl Resource for Grant {
    async fn read(client: &Client, was: &Live<Self>) -> Result<Option<Live<Self>>> {
        let Some((inputs, outputs)) = client.cloud.read(&was.outputs.id)? else { return Ok(None) };
        Ok(Some(Live { inputs: serde_json::from_value(inputs.into())?, outputs: serde_json::from_value(outputs)? }))
    }

    async fn create(&self, client: &Client, creation: &Creation) -> Result<Granted> {
        let Told { id, key, .. } = client.make(<Self as terrane::Described>::KIND, false, self, creation).await?;
        Ok(Granted { id, key })
    }

    async fn update(&self, client: &Client, was: &Live<Self>, _: &Progress) -> Result<Granted> {
        Ok(serde_json::from_value(client.cloud.update(&was.outputs.id, fields(self)?).await?)?)
    }

    async fn delete(client: &Client, was: &Live<Self>, _: &Progress) -> Result<()> {
        client.cloud.delete(&was.outputs.id).await
    }

    async fn list(&self, client: &Client) -> Result<Option<BTreeMap<String, Granted>>> {
        let listed = client.cloud.list(<Self as terrane::Described>::KIND).into_iter();
        Ok(Some(listed.map(|(id, outputs)| Ok((id, serde_json::from_value(outputs)?))).collect::<Result<_>>()?))
    }
}
