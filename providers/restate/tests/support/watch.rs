//! Looking at a cluster from outside, past Terrane's state.

use super::{callers::post, processes::eventually, rehearsal::Rehearsal};
use crate::shape::Shape;
use std::collections::{BTreeMap, BTreeSet};
use terrane_restate::{
    ctl::Restatectl,
    health::{Expected, ExpectedNode, Health, Tables},
    settings::Role,
};

/// A cluster that runs.
pub(crate) struct Cluster {
    runtime: tokio::runtime::Runtime,
    ctl: String,
    addresses: Vec<String>,
    pub(crate) ingresses: Vec<String>,
    pub(crate) admins: Vec<String>,
}

impl Cluster {
    /// The cluster that a rehearsal has brought up.
    pub(crate) fn of(rehearsal: &Rehearsal) -> Self {
        Self::named(rehearsal, "demo")
    }

    /// The cluster of a name that a rehearsal has brought up.
    pub(crate) fn named(rehearsal: &Rehearsal, name: &str) -> Self {
        let outputs = rehearsal.outputs("restate:Cluster", name);
        let urls = |name: &str| -> Vec<String> { serde_json::from_value(outputs[name].clone()).unwrap() };
        let addresses = urls("metrics_urls").iter().map(|url| url.trim_end_matches("metrics").to_owned()).collect();
        let ctl = rehearsal.outputs("local:NpmPackage", "restatectl")["path"].as_str().unwrap().to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, ctl, addresses, ingresses: urls("ingress_urls"), admins: urls("admin_urls") }
    }

    /// Its tables, from the first node that answers.
    pub(crate) fn tables(&self) -> Option<Tables> {
        self.addresses.iter().find_map(|address| self.runtime.block_on(self.ctl(address).tables()).ok())
    }

    /// `restatectl` against one node.
    pub(crate) fn ctl(&self, address: &str) -> Restatectl {
        Restatectl::new(&self.ctl, address)
    }

    /// Calls `restatectl` against the first node.
    pub(crate) fn ask<T, F: Future<Output = T>>(&self, ask: impl FnOnce(Restatectl) -> F) -> T {
        self.runtime.block_on(ask(self.ctl(&self.addresses[0])))
    }

    /// Registers a service through the admin API of the first node, and gives back the answer.
    pub(crate) fn register(&self, uri: &str) -> String {
        let body = format!("{{\"uri\":\"{uri}\"}}");
        post(&self.admins[0], "/deployments", &body, "").unwrap()
    }

    /// Waits until it is what the shape says.
    pub(crate) fn is_healthy(&self, shape: &Shape) {
        let expected = expected(shape);
        let mut last = Vec::new();
        eventually("the cluster is healthy", || {
            let health = self.tables().map(|tables| Health::of(&tables, &expected));
            let healthy = health.as_ref().is_some_and(|health| health.healthy);
            let missing = health.map(|health| health.missing).unwrap_or_default();
            if !healthy && missing != last {
                println!("          {missing:?}");
                last = missing;
            }
            healthy
        });
    }

    /// Insists that it is what the shape says, now.
    pub(crate) fn has_become(&self, shape: &Shape) {
        let health = Health::of(&self.tables().unwrap(), &expected(shape));
        assert!(health.healthy, "{:?}", health.missing);
        let names: BTreeSet<String> = self.states().into_keys().collect();
        assert_eq!(names, expected(shape).nodes.into_keys().collect());
    }

    /// Nodes by name and what they are seen as.
    pub(crate) fn states(&self) -> BTreeMap<String, String> {
        let nodes = self.tables().map(|tables| tables.nodes).unwrap_or_default();
        nodes.into_iter().map(|node| (node.name, node.state)).collect()
    }
}

fn expected(shape: &Shape) -> Expected {
    let roles = if shape.replicated_metadata { Role::all() } else { Role::without_metadata() };
    let places = shape.regions.iter().flat_map(|region| (0..shape.nodes_per_region).map(move |index| (region, index)));
    let node = |(region, index): (&String, u8)| {
        (shape.name(region, index), ExpectedNode { location: Some(region.clone()), roles: roles.clone() })
    };
    Expected { nodes: places.map(node).collect(), replication: shape.replication, partitions: Some(6) }
}
