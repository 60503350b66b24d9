//! Who provisions the cluster, whether the metadata keeps its majority, and what it means to have it in one region.

use std::collections::BTreeMap;

use super::{Finding, listed};
use crate::settings::Role;
use crate::topology::{Home, Metadata, NodeFacts, Provisioning, Topology};

pub(super) fn check(topology: &Topology) -> Vec<Finding> {
    let mut findings = provisioning(topology);
    match &topology.metadata {
        Metadata::Replicated => findings.extend(members(topology)),
        Metadata::ObjectStore { home } => findings.extend(single_region(topology, home)),
    }
    findings
}

fn provisioning(topology: &Topology) -> Vec<Finding> {
    let willing: Vec<&NodeFacts> = topology.nodes.iter().filter(|node| node.auto_provision).collect();
    let who: Vec<String> = willing.iter().map(|node| node.described()).collect();
    let mut findings = Vec::new();
    if willing.len() > 1 && topology.metadata == Metadata::Replicated {
        findings.push(Finding::refused(
            "several-provision",
            &topology.cluster,
            format!(
                "{} may each provision; with replicated metadata each would found a cluster, and clusters \
                can't be merged",
                listed(&who)
            ),
            format!("let only one of them provision, such as {}", willing[0].name),
        ));
    }
    if willing.is_empty() && topology.provisioning == Provisioning::ByNode && !topology.nodes.is_empty() {
        findings.push(Finding::refused(
            "none-provisions",
            &topology.cluster,
            "no node may provision, so all would wait for a cluster that nobody founds",
            "let one node provision, or provision explicitly",
        ));
    }
    findings.extend(willing.iter().filter(|node| !node.roles.contains(&Role::Admin)).map(|node| {
        let message = "it may provision but isn't an admin, which provisioning needs";
        Finding::refused(
            "provisions-without-admin",
            &node.name,
            message,
            "give it the role `admin`, or let another node provision",
        )
    }));
    findings
}

fn members(topology: &Topology) -> Vec<Finding> {
    let count = topology.with_role(Role::MetadataServer).count();
    if count == 0 {
        let message = "metadata is replicated over the nodes with the role `metadata-server`, and there is none";
        return vec![Finding::refused(
            "no-metadata-server",
            &topology.cluster,
            message,
            "give the role to an odd number of nodes, such as 3",
        )];
    }
    let mut findings = Vec::new();
    if count.is_multiple_of(2) {
        findings.push(Finding::warning(
            "even-metadata-servers",
            &topology.cluster,
            format!(
                "{count} metadata servers need {} for a majority, so they survive no more failures than {} would",
                count / 2 + 1,
                count - 1
            ),
            format!("use {} or {}", count - 1, count + 1),
        ));
    }
    findings.extend(heavy_regions(topology, count));
    findings
}

/// Regions without which the metadata has no majority; with a single region there is nothing to choose.
fn heavy_regions(topology: &Topology, count: usize) -> Vec<Finding> {
    if topology.regions().len() < 2 {
        return Vec::new();
    }
    let mut by_region: BTreeMap<&str, usize> = BTreeMap::new();
    for node in topology.with_role(Role::MetadataServer) {
        *by_region.entry(&node.region).or_default() += 1;
    }
    let heavy = by_region.into_iter().filter(|(_, here)| here * 2 >= count);
    let finding = |(region, here): (&str, usize)| {
        let message = format!(
            "{region} holds {here} of {count} metadata servers: without it there is no majority, and nothing \
                can be reconfigured"
        );
        let help = "spread them over three regions (the third needs nothing else), or keep metadata in an \
            object store outside";
        Finding::warning("metadata-majority-in-region", &topology.cluster, message, help)
    };
    heavy.map(finding).collect()
}

fn single_region(topology: &Topology, home: &Home) -> Option<Finding> {
    let Home::Region { name, acknowledged: false } = home else { return None };
    (topology.regions().len() > 1).then(|| {
        Finding::refused(
            "single-region-metadata",
            &topology.cluster,
            format!(
                "its metadata lives in {name} alone: if {name} is lost, logs and state survive elsewhere \
                but no cluster can be made of them"
            ),
            "acknowledge it with `.single_region(..)`, or keep metadata on metadata servers in three regions",
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::checks::{Severity, check, codes};
    use crate::replication::Replication;
    use crate::settings::Role;
    use crate::topology::{Home, Metadata, Provisioning, sample};

    const REGIONS: [&str; 3] = ["a", "b", "c"];

    #[test]
    fn every_node_provisions_its_own_cluster() {
        let mut topology = sample::raft(&REGIONS, 1, Replication::regions(2));
        topology.nodes[2].auto_provision = true;
        let findings = check(&topology);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].code, "several-provision");
        assert!(findings[0].message.starts_with("a-0 (a) and c-0 (c) may each provision"), "{}", findings[0].message);
        topology.metadata = Metadata::ObjectStore { home: Home::Outside };
        assert_eq!(codes(&topology), [], "conditional writes let only one of them win");
    }

    #[test]
    fn nobody_provisions() {
        let mut topology = sample::raft(&REGIONS, 1, Replication::regions(2));
        topology.nodes[0].auto_provision = false;
        assert_eq!(codes(&topology), [(Severity::Refused, "none-provisions")]);
        topology.provisioning = Provisioning::Explicit;
        assert_eq!(codes(&topology), []);
        topology.nodes[1].auto_provision = true;
        topology.nodes[1].roles.remove(&Role::Admin);
        assert_eq!(codes(&topology), [(Severity::Refused, "provisions-without-admin")]);
    }

    #[test]
    fn three_and_three_metadata_servers_in_two_regions() {
        let topology = sample::raft(&["a", "b"], 3, Replication::regions(2));
        let warnings: Vec<_> = check(&topology).into_iter().map(|finding| (finding.code, finding.message)).collect();
        assert!(warnings.iter().any(|(code, _)| *code == "even-metadata-servers"), "{warnings:?}");
        for region in ["a", "b"] {
            let start = format!("{region} holds 3 of 6 metadata servers");
            assert!(warnings.iter().any(|(_, message)| message.starts_with(&start)), "{warnings:?}");
        }
    }

    #[test]
    fn replicated_metadata_on_no_node() {
        let mut topology = sample::cluster(&REGIONS, 1, Replication::regions(2));
        topology.metadata = Metadata::Replicated;
        topology.provisioning = Provisioning::Explicit;
        for node in &mut topology.nodes {
            node.auto_provision = false;
        }
        assert_eq!(codes(&topology), [(Severity::Refused, "no-metadata-server")]);
    }

    #[test]
    fn metadata_in_one_region_must_be_acknowledged() {
        let mut topology = sample::cluster(&REGIONS, 1, Replication::regions(2));
        let home = |acknowledged| Home::Region { name: "a".to_owned(), acknowledged };
        topology.metadata = Metadata::ObjectStore { home: home(false) };
        assert_eq!(codes(&topology), [(Severity::Refused, "single-region-metadata")]);
        topology.metadata = Metadata::ObjectStore { home: home(true) };
        assert_eq!(codes(&topology), []);
    }
}
