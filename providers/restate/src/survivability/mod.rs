//! What each failure does to a cluster: whether writes go on, whether data may be lost, and what a person does.
//!
//! # How it is decided
//! Let *dead* be the nodes that a failure takes and *alive* the others. "Satisfies" means that a set of nodes contains
//! enough regions, zones and nodes to hold a record as the replication asks. Everything follows from these facts:
//!
//! - A record is acknowledged once a satisfying set of log servers holds it. So **a write is possible** if and only if
//!   the alive log servers satisfy the replication.
//! - **A record may have lost all its copies**, and equally **a log can't be sealed and repaired**, if and only if the
//!   dead log servers satisfy the replication: only then can a satisfying set lie among them, out of the survivors'
//!   sight. (This is the f-majority that Restate's log asks for: the survivors form one if and only if the dead do not
//!   satisfy the replication.)
//! - A partition keeps a processor unless the dead workers satisfy the replication, for the same reason.
//! - Failing over writes metadata. That takes a reachable object store, or a majority of the metadata servers, and an
//!   admin.
//!
//! # What is measured and what is reasoned
//! Measured on real clusters: the pause of at most 3 seconds when one node dies (three nodes, `{node: 2}`); that with
//! two regions and `{region: 2}` all writes stop at once when a region dies, with no acknowledged record lost; that a
//! person gets them going again from the survivors, or by bringing the region back.
//!
//! Reasoned from the facts above, not measured: three or more regions, zones, lost majorities, and
//! [`Writes::StopAtFailover`] (metadata unreachable while all nodes are alive). Restate keeps each log on a subset of
//! the nodes; here it is taken to be all of them, which never understates what a failure may destroy, but may overstate
//! which writes go on when there are many more nodes than copies.

mod assess;

use std::fmt;
use std::str::FromStr;

use crate::settings::Interval;
use crate::topology::{Home, Metadata, Topology};

/// What one failure does: a row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// If this fails, in the worst case of its kind,
    pub failure: Failure,
    /// writes do this,
    pub writes: Writes,
    /// data does this,
    pub data: Data,
    /// and a person does this.
    pub action: String,
}

/// Something that fails. Displays as the words of the column "If this fails".
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Any one node.
    OneNode,
    /// Any two nodes of the same region.
    TwoNodesOfOneRegion,
    /// Any two nodes of different regions.
    TwoNodesOfDifferentRegions,
    /// One zone.
    Zone {
        /// Its region.
        region: String,
        /// The zone.
        zone: String,
    },
    /// One region, with its nodes and their metadata servers.
    Region(String),
    /// The region in which the metadata's object store lives, with its nodes.
    MetadataRegion(String),
}

/// What writes do. Displays as the words of the column "writes". Ordered from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Writes {
    /// They go on.
    Continue,
    /// They pause while others take over.
    Pause {
        /// For about this long at most.
        within: Interval,
    },
    /// They go on until a leader must be replaced, which can't happen.
    StopAtFailover,
    /// They stop until a person acts.
    Stop,
}

/// What happens to acknowledged data. Displays as the words of the column "data lost". Ordered from good to bad.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Data {
    /// Nothing is lost, even if what failed never comes back.
    Kept,
    /// Nothing is lost if what failed comes back with its disks; without it, all is.
    KeptIfItReturns(String),
    /// Some of it is lost if what failed never comes back, and why.
    MayBeLost(String),
}

/// What a cluster is asked to survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The loss of any one node.
    Node,
    /// The loss of any one region.
    Region,
}

/// A word that names no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is nothing that a cluster can be asked to survive: write `node` or `region`")]
pub struct UnknownLevel(String);

/// The table: one row a failure, from small to large. A topology that [`checks`](crate::checks) refuses has no
/// meaningful one.
#[must_use]
pub fn survive(topology: &Topology) -> Vec<Outcome> {
    failures(topology).into_iter().filter_map(|failure| assess::worst(topology, &failure)).collect()
}

/// Whether writes go on, and no data depends on what failed, for every failure of this level.
#[must_use]
pub fn survives(outcomes: &[Outcome], level: Level) -> bool {
    let mut asked = outcomes.iter().filter(|outcome| outcome.failure.level() == Some(level)).peekable();
    asked.peek().is_some() && asked.all(|outcome| outcome.writes < Writes::StopAtFailover && outcome.data == Data::Kept)
}

fn failures(topology: &Topology) -> Vec<Failure> {
    let mut failures = vec![Failure::OneNode, Failure::TwoNodesOfOneRegion, Failure::TwoNodesOfDifferentRegions];
    let mut zones: Vec<_> =
        topology.nodes.iter().filter_map(|node| Some((node.region.clone(), node.zone.clone()?))).collect();
    zones.sort();
    zones.dedup();
    failures.extend(zones.into_iter().map(|(region, zone)| Failure::Zone { region, zone }));
    let home = match &topology.metadata {
        Metadata::ObjectStore { home: Home::Region { name, .. } } => Some(name.as_str()),
        Metadata::ObjectStore { home: Home::Outside } | Metadata::Replicated => None,
    };
    let others = topology.regions().into_iter().filter(|region| Some(*region) != home);
    failures.extend(others.map(|region| Failure::Region(region.to_owned())));
    failures.extend(home.map(|region| Failure::MetadataRegion(region.to_owned())));
    failures
}

impl Failure {
    fn level(&self) -> Option<Level> {
        match self {
            Self::OneNode => Some(Level::Node),
            Self::Region(_) | Self::MetadataRegion(_) => Some(Level::Region),
            Self::TwoNodesOfOneRegion | Self::TwoNodesOfDifferentRegions | Self::Zone { .. } => None,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneNode => f.write_str("one node"),
            Self::TwoNodesOfOneRegion => f.write_str("two nodes of a region"),
            Self::TwoNodesOfDifferentRegions => f.write_str("two nodes, two regions"),
            Self::Zone { region, zone } => write!(f, "{region}.{zone}"),
            Self::Region(region) if region.is_empty() => f.write_str("all nodes"),
            Self::Region(region) => f.write_str(region),
            Self::MetadataRegion(region) => write!(f, "{region} (metadata)"),
        }
    }
}

impl fmt::Display for Writes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continue => f.write_str("go on"),
            Self::Pause { within } => write!(f, "stop <= {} s", within.as_duration().as_secs_f64()),
            Self::StopAtFailover => f.write_str("stop at failover"),
            Self::Stop => f.write_str("stop"),
        }
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kept => "none",
            Self::KeptIfItReturns(_) => "none if it returns",
            Self::MayBeLost(_) => "some unless it returns",
        })
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        match text {
            "node" => Ok(Self::Node),
            "region" => Ok(Self::Region),
            _ => Err(UnknownLevel(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests;
