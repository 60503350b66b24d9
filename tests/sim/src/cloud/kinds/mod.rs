//! The provider of the cloud: one kind for each habit, all with the same inputs and outputs.

mod declare;
mod verbs;

pub use declare::{Settings, declare};

use super::{Fields, Habit, SETTLE, TOKEN_WINDOW, client::Client};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use terrane::{Creation, Found, Kinds, Live, Outputs, Progress, Provider, Recovery, Resource, Result};

/// The cloud of a name, as [`Cloud::serve`](super::Cloud::serve) has it.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Sky {
    cloud: String,
}

impl Sky {
    /// The cloud of this name.
    pub fn named(cloud: &str) -> Self {
        Self { cloud: cloud.to_owned() }
    }
}

impl Provider for Sky {
    const NAME: &'static str = "sky";
    const PLACE: &'static [&'static str] = &["cloud"];
    type Client = Client;

    async fn connect(&self) -> Result<Client> {
        Client::to(&self.cloud)
    }

    fn kinds(kinds: &mut Kinds<Self>) {
        kinds.add::<Server>().add::<Bucket>().add::<Queue>().add::<Network>().add::<Route>().add::<AccessKey>();
    }
}

/// What any object tells.
#[derive(Outputs, Serialize, Deserialize, Clone, Debug)]
pub struct Told {
    /// The cloud's own id.
    #[output(stable)]
    pub id: String,
    /// Counted up with each change.
    pub revision: u64,
    /// What opens it.
    #[output(secret)]
    pub key: String,
}

macro_rules! kind {
    (
        $(#[$doc:meta])*
        $kind:ident($text:tt), $habit:ident,
        recovery: $recovery:expr,
        name: [$($name:tt)*],
        upstream: [$($upstream:tt)*]
    ) => {
        $(#[$doc])*
        #[derive(Resource, Serialize, Deserialize, Clone, Debug)]
        #[resource(kind = $text, provider = Sky, outputs = Told, recovery = $recovery)]
        pub struct $kind {
            /// What it is called.
            #[input($($name)*)]
            name: String,
            /// What it holds.
            value: String,
            /// The ids of the objects that it needs.
            #[input(default = Vec::<String>::new() $($upstream)*)]
            upstream: Vec<String>,
            /// What can't be changed.
            #[input(replace)]
            shape: Option<String>,
            /// What nobody may see.
            #[input(secret)]
            password: Option<String>,
        }

        impl From<&$kind> for Fields {
            fn from(kind: &$kind) -> Self {
                let $kind { name, value, upstream, shape, password } = kind.clone();
                Self { name, value, upstream, shape, password }
            }
        }

        impl From<Fields> for $kind {
            fn from(fields: Fields) -> Self {
                let Fields { name, value, upstream, shape, password } = fields;
                Self { name, value, upstream, shape, password }
            }
        }

        impl Resource for $kind {
            async fn read(client: &Client, was: &Live<Self>) -> Result<Option<Live<Self>>> {
                let seen = verbs::read(Habit::$habit, client, &was.outputs.id, &was.outputs.key).await?;
                Ok(seen.map(|(fields, outputs)| Live { inputs: fields.into(), outputs }))
            }

            async fn create(&self, client: &Client, creation: &Creation) -> Result<Told> {
                verbs::create(Habit::$habit, client, self.into(), creation).await
            }

            async fn update(&self, client: &Client, was: &Live<Self>, progress: &Progress) -> Result<Told> {
                verbs::update(Habit::$habit, client, self.into(), &was.outputs, progress).await
            }

            async fn delete(client: &Client, was: &Live<Self>, progress: &Progress) -> Result<()> {
                verbs::delete(Habit::$habit, client, &(&was.inputs).into(), &was.outputs.id, progress).await
            }

            async fn find(&self, client: &Client, creation: &Creation) -> Result<Found<Told>> {
                verbs::find(Habit::$habit, client, &self.into(), creation).await
            }

            async fn list(&self, client: &Client) -> Result<Option<BTreeMap<String, Told>>> {
                verbs::list(Habit::$habit, client, &self.name).await
            }

            async fn import(client: &Client, id: &str) -> Result<Option<Live<Self>>> {
                let seen = verbs::read(Habit::$habit, client, id, "").await?;
                Ok(seen.map(|(fields, outputs)| Live { inputs: fields.into(), outputs }))
            }
        }
    };
}

kind!(
    /// A machine: its create takes a client token.
    Server("sky:Server"), Token,
    recovery: Recovery::Token { window: TOKEN_WINDOW },
    name: [default = ""],
    upstream: []
);
kind!(
    /// A bucket: no two have the same name.
    Bucket("sky:Bucket"), Name,
    recovery: Recovery::Name,
    name: [name, logical, replace],
    upstream: []
);
kind!(
    /// A queue: to create it again with the same settings returns it, even another's.
    Queue("sky:Queue"), Returns,
    recovery: Recovery::Returns,
    name: [name, logical, replace],
    upstream: []
);
kind!(
    /// A network: the cloud gives the id, and its list lags behind.
    Network("sky:Network"), Tags,
    recovery: Recovery::Tags { settle: SETTLE },
    name: [default = ""],
    upstream: []
);
kind!(
    /// A route: what it connects can't be connected twice.
    Route("sky:Route"), Key,
    recovery: Recovery::Key,
    name: [name, logical, replace],
    upstream: [, replace]
);
kind!(
    /// An access key: nothing tells one from another, and its secret is shown once.
    AccessKey("sky:AccessKey"), Unmarked,
    recovery: Recovery::Unmarked,
    name: [default = ""],
    upstream: []
);
