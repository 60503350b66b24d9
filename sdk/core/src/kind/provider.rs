//! Providers: where a family of kinds lives and how to reach it.

use super::{AnyKind, Described, KindSpec, Resource, any::Bound};
use crate::{Error, Result};
use futures_util::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{collections::BTreeMap, future::Future, process::ExitCode, sync::Arc, time::Duration};

/// The settings of a provider, and what they lead to. The value itself is what a program passes to `stack.provider(..)`.
///
/// Its fields are kept in state so that resources can still be deleted when the program no longer names this handle. Credentials
/// don't belong in it: only where they come from.
pub trait Provider: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The first part of the provider's kinds, such as `local`.
    const NAME: &'static str;
    /// The settings that say where objects live, such as `region`: resources move to another value only by replacement.
    const PLACE: &'static [&'static str] = &[];
    /// How long a request may still take effect after the process that sent it has died. Before recovery takes an object that isn't there
    /// for one that will not come, it waits for so long. Zero where there is no network between, or where a late request does no harm.
    const IN_FLIGHT: Duration = Duration::from_secs(30);
    /// What verbs are called with.
    type Client: Send + Sync + 'static;
    /// Connects, once a run.
    fn connect(&self) -> impl Future<Output = Result<Self::Client>> + Send;
    /// Lists every kind.
    fn kinds(kinds: &mut Kinds<Self>);
    /// Commands of the provider's own, run as `<program> <provider name> <command> …`.
    fn commands() -> &'static [Command] {
        &[]
    }
}

/// A command that a provider adds to every program that uses it.
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// One line for the help text.
    pub about: &'static str,
    /// Runs it.
    pub run: fn(&CommandLine) -> Result<ExitCode>,
}

/// What a provider's command is called with.
#[derive(Debug, Clone)]
pub struct CommandLine {
    /// The settings of the provider's handles in the program, in the order of their declaration.
    pub settings: Vec<Value>,
    /// The words after the command's name.
    pub arguments: Vec<String>,
}

/// A provider without its type.
pub struct ProviderSpec {
    /// See [`Provider::NAME`].
    pub name: &'static str,
    /// See [`Provider::PLACE`].
    pub place: &'static [&'static str],
    /// Connects with stored or declared settings.
    pub connect: fn(Value) -> BoxFuture<'static, Result<Connected>>,
    /// The kinds it has.
    pub kinds: fn() -> Vec<&'static KindSpec>,
    /// See [`Provider::commands`].
    pub commands: fn() -> &'static [Command],
}

impl ProviderSpec {
    /// The description of a provider type.
    pub fn of<P: Provider>() -> &'static Self {
        &Holder::<P>::SPEC
    }
}

struct Holder<P>(std::marker::PhantomData<P>);

impl<P: Provider> Holder<P> {
    const SPEC: ProviderSpec = ProviderSpec {
        name: P::NAME,
        place: P::PLACE,
        connect: |settings| Box::pin(connect::<P>(settings)),
        kinds: || Kinds::<P>::listed().specs,
        commands: P::commands,
    };
}

async fn connect<P: Provider>(settings: Value) -> Result<Connected> {
    let provider: P = serde_json::from_value(settings)
        .map_err(|e| Error::from(e).context(format!("settings of provider {}", P::NAME)))?;
    let client = Arc::new(provider.connect().await?);
    let kinds = Kinds::<P>::listed();
    let bound = kinds.bind.iter().map(|bind| bind(client.clone()));
    Ok(Connected(bound.map(|kind| (kind.spec().kind, kind)).collect()))
}

/// The kinds of a connected provider.
pub struct Connected(BTreeMap<&'static str, Arc<dyn AnyKind>>);

impl Connected {
    /// One kind by name.
    pub fn kind(&self, name: &str) -> Option<&Arc<dyn AnyKind>> {
        self.0.get(name)
    }
}

type Bind<P> = fn(Arc<<P as Provider>::Client>) -> Arc<dyn AnyKind>;

/// Collects the kinds of a provider.
pub struct Kinds<P: Provider> {
    specs: Vec<&'static KindSpec>,
    bind: Vec<Bind<P>>,
}

impl<P: Provider> Kinds<P> {
    fn listed() -> Self {
        let mut kinds = Self { specs: Vec::new(), bind: Vec::new() };
        P::kinds(&mut kinds);
        kinds
    }

    /// Adds a kind.
    pub fn add<R: Resource + Described<Provider = P>>(&mut self) -> &mut Self {
        self.specs.push(KindSpec::of::<R>());
        self.bind.push(|client| Arc::new(Bound::<R>(client)));
        self
    }
}
