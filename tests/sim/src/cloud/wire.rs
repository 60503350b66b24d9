//! The network between a provider and the cloud: where requests and replies get lost.

use super::Habit;
use futures_util::{FutureExt, future::BoxFuture};
use std::{future::ready, time::Duration};

/// Carries requests to the cloud and replies back.
pub trait Wire: Send + Sync {
    /// Takes a request to the cloud, or its reply back: returns when it has arrived, or is known not to. How long that takes is up to it.
    fn send(&self, call: Call<'_>) -> BoxFuture<'static, Delivery>;
}

/// What is on its way.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Which way.
    pub leg: Leg,
    /// What it asks for.
    pub verb: Verb,
    /// Of which kind.
    pub habit: Habit,
    /// The operation that made the object, or is to make it; empty where nobody knows.
    pub op: &'a str,
    /// The object; empty for a create, and where nobody knows.
    pub id: &'a str,
    /// The resource; empty where nobody knows.
    pub urn: &'a str,
    /// Whether the process held the stack when it sent the request. Of interest only where the request changes something.
    pub permitted: bool,
}

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Leg {
    /// To the cloud.
    Request,
    /// Back, with the request carried out.
    Reply,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Make an object.
    Create,
    /// Look at one object.
    Read,
    /// Look for objects with a tag.
    Search,
    /// Name all objects of a kind.
    List,
    /// Change an object.
    Update,
    /// Delete an object.
    Delete,
}

impl Verb {
    /// Whether it changes something.
    pub fn mutates(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Delete)
    }

    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Search => "search",
            Self::List => "list",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// What becomes of a message. All but the first two are for requests; a reply that doesn't come through is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It arrives.
    Through,
    /// It doesn't, and the sender learns no more than that the connection broke.
    Lost,
    /// It arrives after this time, when nobody listens for the reply any more; the sender sees the connection break now.
    Late(Duration),
    /// It arrives twice. A create of a kind without token, name or key makes two objects then, which no customer can tell apart.
    Twice,
    /// It arrives, and once more after this time.
    Again(Duration),
    /// The cloud asks to slow down, and does nothing.
    Throttled,
    /// The cloud refuses for lack of permission, and does nothing.
    Denied,
}

/// A wire on which nothing goes wrong and nothing takes time.
#[derive(Debug, Clone, Copy, Default)]
pub struct Perfect;

impl Wire for Perfect {
    fn send(&self, _: Call<'_>) -> BoxFuture<'static, Delivery> {
        ready(Delivery::Through).boxed()
    }
}
