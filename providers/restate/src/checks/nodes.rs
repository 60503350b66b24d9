//! Names, locations, memory and the number of partitions.

use super::{Finding, listed, shared};
use crate::settings::Bytes;
use crate::topology::{NodeFacts, Topology};

/// Restate raises a smaller setting to this.
const ROCKSDB_MINIMUM: Bytes = Bytes::mib(256);

pub(super) fn check(topology: &Topology) -> Vec<Finding> {
    let mut findings = duplicate_names(topology);
    findings.extend(cluster(topology));
    findings.extend(topology.nodes.iter().filter_map(unnamed));
    findings.extend(topology.nodes.iter().filter_map(location));
    findings.extend(topology.nodes.iter().filter_map(memory));
    findings
}

fn duplicate_names(topology: &Topology) -> Vec<Finding> {
    let finding = |(name, nodes): (String, Vec<&NodeFacts>)| {
        let who: Vec<String> = nodes.iter().map(|node| node.described()).collect();
        Finding::refused(
            "duplicate-node-name",
            &name,
            format!(
                "{} have the same name; Restate knows a node by its name, so the one that starts last takes over the id \
                 and the address of the other, and both believe to be it",
                listed(&who)
            ),
            format!(
                "name each after its region, such as `{name}.{}`",
                nodes.last().map_or("region", |node| node.region.as_str())
            ),
        )
    };
    shared(topology, |node| node.name.clone()).into_iter().map(finding).collect()
}

fn cluster(topology: &Topology) -> Vec<Finding> {
    let mut findings = Vec::new();
    if topology.cluster.trim().is_empty() {
        findings.push(Finding::refused(
            "no-cluster-name",
            "cluster",
            "the cluster has no name, by which nodes know that they belong together",
            "give it one, such as `demo`",
        ));
    }
    if topology.nodes.is_empty() {
        findings.push(Finding::refused(
            "no-nodes",
            &topology.cluster,
            "the cluster has no nodes",
            "add at least one node",
        ));
    }
    if topology.partitions == Some(0) {
        findings.push(Finding::refused(
            "no-partitions",
            &topology.cluster,
            "0 partitions can hold no invocation, and their number is fixed once the cluster is provisioned",
            "write how many, or leave them out for Restate's default of 24",
        ));
    }
    findings
}

fn unnamed(node: &NodeFacts) -> Option<Finding> {
    let blank = node.name.trim().is_empty();
    blank.then(|| {
        Finding::refused(
            "no-node-name",
            &node.advertised,
            format!(
                "the node at `{}` has no name and would take its host's, which repeats from region to region",
                node.advertised
            ),
            "name it, uniquely over all regions",
        )
    })
}

fn location(node: &NodeFacts) -> Option<Finding> {
    let unfit = |part: &&str| part.contains('.') || part.contains(char::is_whitespace);
    let parts = [Some(node.region.as_str()), node.zone.as_deref()];
    let part = parts.into_iter().flatten().find(unfit);
    let orphan = node.zone.is_some() && node.region.is_empty();
    let (message, help) = match part {
        Some(part) => (
            format!(
                "`{part}` can't be part of a location: Restate reads it as region.zone, so neither may hold a \
                    dot or a blank"
            ),
            format!("write `{}`", part.replace(|c: char| c == '.' || c.is_whitespace(), "-")),
        ),
        None if orphan => ("it has a zone but no region".to_owned(), "name its region too".to_owned()),
        None => return None,
    };
    Some(Finding::refused("bad-location", &node.name, message, help))
}

fn memory(node: &NodeFacts) -> Option<Finding> {
    let rocksdb = node.rocksdb_memory?;
    if rocksdb < ROCKSDB_MINIMUM && node.memory_limit.is_some_and(|limit| limit < ROCKSDB_MINIMUM) {
        return Some(Finding::refused(
            "rocksdb-memory",
            &node.name,
            format!(
                "Restate raises the {rocksdb} for RocksDB to its minimum of {ROCKSDB_MINIMUM}, which exceeds \
                    the node's memory limit"
            ),
            format!("give the node at least {}", Bytes::mib(512)),
        ));
    }
    let limit = node.memory_limit?;
    let three_quarters = limit.get() / 4 * 3;
    let help =
        format!("set rocksdb-total-memory-size to {} or less, or raise the limit", Bytes::mib(three_quarters >> 20));
    if rocksdb > limit {
        let message = format!(
            "{rocksdb} for RocksDB alone exceed the node's memory limit of {limit}; the node would be killed under load"
        );
        return Some(Finding::refused("rocksdb-memory", &node.name, message, help));
    }
    (rocksdb.get() > three_quarters).then(|| {
        let message =
            format!("{rocksdb} for RocksDB leave less than a quarter of the node's {limit} for everything else");
        Finding::warning("rocksdb-memory", &node.name, message, help)
    })
}

#[cfg(test)]
mod tests {
    use crate::checks::{Severity, check, codes};
    use crate::replication::Replication;
    use crate::settings::Bytes;
    use crate::topology::{Topology, sample};

    fn topology() -> Topology {
        sample::cluster(&["use1", "euc1", "apn1"], 1, Replication::regions(2))
    }

    #[test]
    fn pods_of_two_regions_that_are_both_called_restate_0() {
        let mut topology = topology();
        topology.nodes[0].name = "restate-0".to_owned();
        topology.nodes[1].name = "restate-0".to_owned();
        let findings = check(&topology);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].code, findings[0].subject.as_str()), ("duplicate-node-name", "restate-0"));
        assert!(
            findings[0].message.starts_with("restate-0 (use1) and restate-0 (euc1) have"),
            "{}",
            findings[0].message
        );
        assert_eq!(findings[0].help, "name each after its region, such as `restate-0.euc1`");
    }

    #[test]
    fn a_node_without_a_name_and_a_location_with_a_dot() {
        let mut topology = topology();
        topology.nodes[0].name = " ".to_owned();
        topology.nodes[1].region = "eu.central".to_owned();
        topology.nodes[2].zone = Some("zone a".to_owned());
        topology.snapshots = None;
        let found: Vec<_> = check(&topology).into_iter().map(|finding| (finding.code, finding.help)).collect();
        assert!(found.contains(&("bad-location", "write `eu-central`".to_owned())), "{found:?}");
        assert!(found.contains(&("bad-location", "write `zone-a`".to_owned())), "{found:?}");
        assert!(found.iter().any(|(code, _)| *code == "no-node-name"), "{found:?}");
    }

    #[test]
    fn a_cluster_without_a_name_or_without_partitions() {
        let mut topology = topology();
        topology.cluster.clear();
        topology.partitions = Some(0);
        assert_eq!(codes(&topology), [(Severity::Refused, "no-cluster-name"), (Severity::Refused, "no-partitions")]);
    }

    #[test]
    fn rocksdb_memory_against_the_limit() {
        let mut topology = topology();
        for (rocksdb, limit, expected) in [
            (4096, 3072, Some(Severity::Refused)),
            (2500, 3072, Some(Severity::Warning)),
            (2304, 3072, None),
            (192, 200, Some(Severity::Refused)),
            (192, 1024, None),
        ] {
            topology.nodes[0].rocksdb_memory = Some(Bytes::mib(rocksdb));
            topology.nodes[0].memory_limit = Some(Bytes::mib(limit));
            let expected: Vec<_> = expected.map(|severity| (severity, "rocksdb-memory")).into_iter().collect();
            assert_eq!(codes(&topology), expected, "{rocksdb} of {limit}");
        }
    }
}
