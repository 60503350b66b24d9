//! Whether the nodes can hold as many copies as are asked for, and for how long writes go on while nodes fail.

use super::Finding;
use crate::replication::{Domains, Scope};
use crate::settings::Role;
use crate::topology::Topology;

pub(super) fn check(topology: &Topology) -> Vec<Finding> {
    if let Err(error) = topology.replication.validate() {
        let help = "copies may only grow from region to zone to node, such as `{region: 2, node: 3}`";
        return vec![Finding::refused("bad-replication", &topology.cluster, error.to_string(), help)];
    }
    let mut findings = unlocated(topology);
    for (role, what) in [(Role::LogServer, "log servers"), (Role::Worker, "workers")] {
        let domains = Domains::of(topology.with_role(role));
        findings.extend(topology.replication.deciding().filter_map(|(scope, copies)| {
            let count = domains.count(scope);
            if count < usize::from(copies) {
                Some(unsatisfiable(topology, scope, copies, count, what))
            } else if role == Role::LogServer && count < usize::from(copies) * 2 - 1 {
                Some(stops_early(topology, scope, copies, count))
            } else {
                None
            }
        }));
    }
    findings
}

/// Nodes without a region all lie in one nameless domain, which a person who counts regions doesn't mean.
fn unlocated(topology: &Topology) -> Vec<Finding> {
    if topology.replication.copies(Scope::Zone) < 2 {
        return Vec::new();
    }
    let nodes = topology.nodes.iter().filter(|node| node.region.is_empty());
    let finding = |name: &str| {
        let message = format!("it has no location, but {} counts locations", topology.replication);
        Finding::refused("no-location", name, message, "give it its region (fixed once it has joined)")
    };
    nodes.map(|node| finding(&node.name)).collect()
}

fn unsatisfiable(topology: &Topology, scope: Scope, copies: u8, count: usize, what: &str) -> Finding {
    let message = format!(
        "{} asks for {copies} {scope}s, but its {what} lie in {count}: nothing could ever be written",
        topology.replication
    );
    let help = format!("add {what} in {} more {scope}(s), or ask for {count}", usize::from(copies) - count);
    Finding::refused("unsatisfiable-replication", &topology.cluster, message, help)
}

fn stops_early(topology: &Topology, scope: Scope, copies: u8, count: usize) -> Finding {
    let lost = count + 1 - usize::from(copies);
    let message = format!(
        "with {copies} copies over {count} {scope}s a record survives the loss of {} {scope}(s), but writes \
            stop after the loss of {lost}",
        copies - 1
    );
    let help = format!(
        "{} {scope}s would keep writes going; with {count}, a person must lower the replication first",
        copies * 2 - 1
    );
    Finding::warning("writes-stop-early", &topology.cluster, message, help)
}

#[cfg(test)]
mod tests {
    use crate::checks::{Severity, check, codes};
    use crate::replication::Replication;
    use crate::settings::Role;
    use crate::topology::sample;

    #[test]
    fn more_copies_than_there_are_regions_or_nodes() {
        let expected = (Severity::Refused, "unsatisfiable-replication");
        assert_eq!(codes(&sample::cluster(&["a"], 3, Replication::regions(2))), [expected, expected]);
        assert_eq!(codes(&sample::cluster(&["a"], 2, Replication::nodes(3))), [expected, expected]);
        let mut without_logs = sample::cluster(&["a", "b", "c"], 1, Replication::regions(2));
        without_logs.nodes[1].roles.remove(&Role::LogServer);
        without_logs.nodes[2].roles.remove(&Role::LogServer);
        let findings = check(&without_logs);
        assert_eq!(findings.len(), 1);
        assert_eq!(
            findings[0].message,
            "{region: 2} asks for 2 regions, but its log servers lie in 1: nothing could ever be written"
        );
    }

    #[test]
    fn two_regions_that_both_must_hold_a_record() {
        let findings = check(&sample::cluster(&["a", "b"], 3, Replication::regions(2).nodes(3)));
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].severity, findings[0].code), (Severity::Warning, "writes-stop-early"));
        let expected = "with 2 copies over 2 regions a record survives the loss of 1 region(s), but writes stop \
            after the loss of 1";
        assert_eq!(findings[0].message, expected);
    }

    #[test]
    fn copies_that_shrink_with_the_scope_and_nodes_without_a_region() {
        let topology = sample::cluster(&["a", "b", "c"], 1, Replication::regions(3).nodes(2));
        assert_eq!(codes(&topology), [(Severity::Refused, "bad-replication")]);
        let mut topology = sample::cluster(&["a", "b", "c"], 2, Replication::regions(2));
        topology.nodes[5].region.clear();
        assert!(codes(&topology).contains(&(Severity::Refused, "no-location")));
    }
}
