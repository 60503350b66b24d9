//! Snapshots: every node must find, in its own region, what a leader of any region wrote, before the log is trimmed.

use std::collections::BTreeSet;

use super::{Finding, listed};
use crate::settings::Role;
use crate::topology::{Snapshots, Topology};

pub(super) fn check(topology: &Topology) -> Vec<Finding> {
    let Some(snapshots) = &topology.snapshots else {
        return missing(topology).into_iter().collect();
    };
    let mut findings = without_destination(topology, snapshots);
    let gaps = gaps(topology, snapshots);
    if !gaps.is_empty() {
        findings.push(not_replicated(topology, &gaps));
    }
    findings.extend(trimmed_too_early(topology, snapshots));
    findings
}

fn missing(topology: &Topology) -> Option<Finding> {
    let count = topology.nodes.len();
    (count > 1).then(|| {
        Finding::refused(
            "no-snapshots",
            &topology.cluster,
            format!(
                "it has {count} nodes and no snapshots: a node that joins or falls behind a trimmed log can \
                never catch up"
            ),
            "add a snapshot bucket",
        )
    })
}

fn without_destination(topology: &Topology, snapshots: &Snapshots) -> Vec<Finding> {
    let regions: BTreeSet<&str> = topology.with_role(Role::Worker).map(|node| node.region.as_str()).collect();
    let bare =
        regions.into_iter().filter(|region| snapshots.destinations.get(*region).is_none_or(|to| to.trim().is_empty()));
    let finding = |region: &str| {
        let message =
            format!("the workers of {region} have no snapshot destination, so they neither write nor read snapshots");
        Finding::refused("no-snapshots", &topology.cluster, message, format!("add a bucket for {region}"))
    };
    bare.map(finding).collect()
}

/// The pairs of regions with different buckets and nothing that copies from the first to the second.
fn gaps<'a>(topology: &Topology, snapshots: &'a Snapshots) -> Vec<(&'a str, &'a str)> {
    let has_workers = |region: &str| topology.with_role(Role::Worker).any(|node| node.region == region);
    let used: Vec<_> = snapshots.destinations.iter().filter(|(region, _)| has_workers(region)).collect();
    let pairs = used.iter().flat_map(|from| used.iter().map(move |to| (*from, *to)));
    let same = |one: &str, other: &str| one.trim_end_matches('/') == other.trim_end_matches('/');
    pairs
        .filter(|((_, from), (_, to))| !same(from, to))
        .map(|((from, _), (to, _))| (from.as_str(), to.as_str()))
        .filter(|(from, to)| !snapshots.replicated.contains(&((*from).to_owned(), (*to).to_owned())))
        .collect()
}

fn not_replicated(topology: &Topology, gaps: &[(&str, &str)]) -> Finding {
    let arrows: Vec<String> = gaps.iter().map(|(from, to)| format!("{from} to {to}")).collect();
    let message = format!(
        "snapshots aren't replicated from {}; only the leader writes them, into its own region's bucket, so a \
         processor elsewhere that fails over finds a gap where the log was trimmed, and stays stuck",
        listed(&arrows)
    );
    Finding::refused(
        "snapshots-not-replicated",
        &topology.cluster,
        message,
        "replicate the buckets in both directions, or use one bucket for all",
    )
}

fn trimmed_too_early(topology: &Topology, snapshots: &Snapshots) -> Option<Finding> {
    let (delay, lag) = (topology.trim_delay, snapshots.replication_lag);
    (!snapshots.replicated.is_empty() && delay < lag).then(|| {
        let message = format!(
            "logs are trimmed after {delay}, but a snapshot may take {lag} to reach the other \
            region: until then neither holds the records"
        );
        Finding::refused("trim-delay", &topology.cluster, message, format!("set trim-delay-interval to {lag} or more"))
    })
}

#[cfg(test)]
mod tests {
    use crate::checks::{Severity, check, codes};
    use crate::replication::Replication;
    use crate::settings::Interval;
    use crate::topology::{Topology, sample};

    fn topology() -> Topology {
        sample::cluster(&["a", "b", "c"], 2, Replication::regions(2))
    }

    #[test]
    fn buckets_that_are_replicated_in_one_direction_only() {
        let mut topology = topology();
        topology.snapshots.as_mut().unwrap().replicated.remove(&("b".to_owned(), "a".to_owned()));
        let findings = check(&topology);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].severity, findings[0].code), (Severity::Refused, "snapshots-not-replicated"));
        assert!(findings[0].message.starts_with("snapshots aren't replicated from b to a;"), "{}", findings[0].message);
    }

    #[test]
    fn one_bucket_for_all_needs_no_replication() {
        let mut topology = topology();
        let snapshots = topology.snapshots.as_mut().unwrap();
        snapshots.replicated.clear();
        for destination in snapshots.destinations.values_mut() {
            *destination = "s3://snap/demo".to_owned();
        }
        assert_eq!(codes(&topology), []);
    }

    #[test]
    fn no_snapshots_at_all_or_none_for_a_region() {
        let mut topology = topology();
        topology.snapshots.as_mut().unwrap().destinations.remove("c");
        assert_eq!(codes(&topology), [(Severity::Refused, "no-snapshots")]);
        topology.snapshots = None;
        assert_eq!(codes(&topology), [(Severity::Refused, "no-snapshots")]);
        topology.nodes.truncate(1);
        topology.replication = Replication::nodes(1);
        assert_eq!(codes(&topology), [], "a single node keeps everything itself");
    }

    #[test]
    fn a_log_that_is_trimmed_before_the_snapshot_has_arrived() {
        let mut topology = topology();
        topology.snapshots.as_mut().unwrap().replication_lag = Interval::from_secs(900);
        topology.trim_delay = Interval::from_secs(600);
        assert_eq!(codes(&topology), [(Severity::Refused, "trim-delay")]);
        topology.trim_delay = Interval::from_secs(900);
        assert_eq!(codes(&topology), []);
    }
}
