//! Advertised addresses: each is one node's alone, and what a node says is what others can dial.

use super::{Finding, listed, shared};
use crate::topology::{NodeFacts, Topology};

pub(super) fn check(topology: &Topology) -> Vec<Finding> {
    let several = topology.nodes.len() > 1;
    let mut findings = duplicates(topology);
    findings.extend(topology.nodes.iter().filter_map(|node| unusable(node, several)));
    findings
}

fn duplicates(topology: &Topology) -> Vec<Finding> {
    let key = |node: &NodeFacts| node.advertised.trim().trim_end_matches('/').to_ascii_lowercase();
    let finding = |(address, nodes): (String, Vec<&NodeFacts>)| {
        let who: Vec<String> = nodes.iter().map(|node| node.described()).collect();
        let message =
            format!("{} advertise the same address `{address}`: what is meant for one reaches another", listed(&who));
        let help = "give each node a balancer and a name of its own; one balancer before several nodes can't work";
        Finding::refused("duplicate-address", &nodes[0].name, message, help)
    };
    shared(topology, key).into_iter().map(finding).collect()
}

fn unusable(node: &NodeFacts, several: bool) -> Option<Finding> {
    let address = node.advertised.trim();
    let (code, message, help) = if address.is_empty() {
        let message = "it advertises no address, so nodes of other regions can't reach it";
        ("no-address", message.to_owned(), "advertise its balancer, such as `http://restate-0.use1.example:5122/`")
    } else if let Some(variable) = unresolved(address) {
        let message = format!(
            "its address `{address}` still holds `{variable}`: an undefined variable stays in it, word for word"
        );
        ("unresolved-address", message, "write the name itself; the node's name is known here")
    } else if !address.starts_with("http://") && !address.starts_with("https://") {
        ("bad-address", format!("its address `{address}` has no scheme"), "write `http://HOST:5122/`")
    } else if several && loops_back(address) {
        let message = format!("its address `{address}` is the dialling node itself, wherever it is dialled");
        ("bad-address", message, "advertise an address that the other nodes reach")
    } else {
        return None;
    };
    Some(Finding::refused(code, &node.name, message, help))
}

/// The first `$(VAR)` or `${VAR}` of a text, whole.
fn unresolved(text: &str) -> Option<&str> {
    let start = text.find("$(").or_else(|| text.find("${"))?;
    let end = text[start..].find([')', '}']).map_or(text.len(), |end| start + end + 1);
    Some(&text[start..end])
}

/// `localhost`; addresses of the loopback network may well differ from node to node, on one machine.
fn loops_back(address: &str) -> bool {
    let host = address.split_once("://").map_or(address, |(_, rest)| rest);
    host.split([':', '/']).next().is_some_and(|host| host.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use crate::checks::check;
    use crate::replication::Replication;
    use crate::topology::sample;

    #[test]
    fn two_nodes_behind_one_balancer() {
        let mut topology = sample::cluster(&["use1", "euc1", "apn1"], 1, Replication::regions(2));
        topology.nodes[0].advertised = "http://NLB.example:5122".to_owned();
        topology.nodes[2].advertised = "http://nlb.example:5122/".to_owned();
        let findings = check(&topology);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].code, "duplicate-address");
        assert!(
            findings[0].message.starts_with("use1-0 (use1) and apn1-0 (apn1) advertise"),
            "{}",
            findings[0].message
        );
    }

    #[test]
    fn an_address_that_no_other_node_can_dial() {
        for (address, code, words) in [
            ("", "no-address", "no address"),
            ("http://$(RESTATE_NODE_NAME).demo.use1.internal:5122", "unresolved-address", "`$(RESTATE_NODE_NAME)`"),
            ("http://${HOST}:5122", "unresolved-address", "`${HOST}`"),
            ("restate-0.use1:5122", "bad-address", "no scheme"),
            ("http://localhost:5122/", "bad-address", "the dialling node itself"),
        ] {
            let mut topology = sample::cluster(&["use1", "euc1", "apn1"], 1, Replication::regions(2));
            topology.nodes[0].advertised = address.to_owned();
            let findings = check(&topology);
            assert_eq!(findings.len(), 1, "{address}");
            assert_eq!((findings[0].code, findings[0].subject.as_str()), (code, "use1-0"), "{address}");
            assert!(findings[0].message.contains(words), "{}", findings[0].message);
        }
    }
}
