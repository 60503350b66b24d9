//! The mistakes that people make with a cluster over regions, found before anything starts.
//!
//! A check is a pure function from the topology to findings; it never stops at the first. One file a subject.

mod address;
mod metadata;
mod nodes;
mod replication;
mod snapshots;

use std::collections::BTreeMap;
use std::fmt;

use crate::topology::{NodeFacts, Topology};

/// Something wrong, or doubtful, with a topology.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether the plan is refused.
    pub severity: Severity,
    /// A stable name of the mistake, such as `duplicate-node-name`.
    pub code: &'static str,
    /// The node or the cluster it is about.
    pub subject: String,
    /// What is wrong, and what would come of it.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

/// What becomes of a plan with a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The plan is shown with it.
    Warning,
    /// There is no plan.
    Refused,
}

/// All findings, the refusals first, in the order in which a person would look at the subjects.
#[must_use]
pub fn check(topology: &Topology) -> Vec<Finding> {
    let mut findings = nodes::check(topology);
    findings.extend(address::check(topology));
    findings.extend(replication::check(topology));
    findings.extend(metadata::check(topology));
    findings.extend(snapshots::check(topology));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

impl Finding {
    fn refused(code: &'static str, subject: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            severity: Severity::Refused,
            code,
            subject: subject.to_owned(),
            message: message.into(),
            help: help.into(),
        }
    }

    fn warning(code: &'static str, subject: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::refused(code, subject, message, help) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]; {}", self.subject, self.message, self.code, self.help)
    }
}

/// The nodes that share a key with another one, by that key.
fn shared(topology: &Topology, key: impl Fn(&NodeFacts) -> String) -> Vec<(String, Vec<&NodeFacts>)> {
    let mut groups: BTreeMap<String, Vec<&NodeFacts>> = BTreeMap::new();
    for node in &topology.nodes {
        groups.entry(key(node)).or_default().push(node);
    }
    groups.into_iter().filter(|(key, nodes)| !key.is_empty() && nodes.len() > 1).collect()
}

/// `a and b`, `a, b and c`.
fn listed<T: AsRef<str>>(words: &[T]) -> String {
    match words {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
fn codes(topology: &Topology) -> Vec<(Severity, &'static str)> {
    check(topology).into_iter().map(|finding| (finding.severity, finding.code)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replication::Replication;
    use crate::topology::sample;

    #[test]
    fn three_regions_that_can_lose_one_have_no_findings() {
        assert_eq!(codes(&sample::cluster(&["a", "b", "c"], 2, Replication::regions(2))), []);
        assert_eq!(codes(&sample::raft(&["a", "b", "c"], 1, Replication::regions(2))), []);
    }

    #[test]
    fn refusals_come_before_warnings() {
        let mut topology = sample::cluster(&["a", "b"], 3, Replication::regions(2));
        topology.partitions = Some(0);
        assert_eq!(codes(&topology), [(Severity::Refused, "no-partitions"), (Severity::Warning, "writes-stop-early")]);
    }
}
