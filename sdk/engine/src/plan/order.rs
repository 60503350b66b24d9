//! The order of a program's resources: each after what it depends on.

use petgraph::{
    algo::{tarjan_scc, toposort},
    graph::{DiGraph, NodeIndex},
};
use std::collections::BTreeSet;
use terrane_core::{Fault, Graph, Urn};

/// Positions in `graph.nodes`, dependencies first, each with what it depends on.
pub(crate) fn positions(graph: &Graph) -> Result<Vec<(usize, BTreeSet<Urn>)>, Fault> {
    let mut edges = DiGraph::<(), (), u32>::with_capacity(graph.nodes.len(), graph.nodes.len());
    for _ in &graph.nodes {
        edges.add_node(());
    }
    // toposort visits the last ones first, so positions are mirrored to keep the order of declaration where edges leave a choice.
    let mirror = graph.nodes.len().saturating_sub(1);
    let index = |position: usize| NodeIndex::new(mirror - position);
    let mut needs: Vec<BTreeSet<Urn>> = graph.nodes.iter().map(|node| node.dependencies(&graph.handles)).collect();
    for (position, node) in graph.nodes.iter().enumerate() {
        for dependency in &needs[position] {
            let Some(&of) = graph.index.get(dependency) else {
                let message =
                    format!("`{}` depends on {dependency}, which the program does not declare", node.urn.label());
                return Err(Fault::new("T0105", message).at(node.site));
            };
            edges.add_edge(index(of), index(position), ());
        }
    }
    let firm = edges.clone();
    for (position, node) in graph.nodes.iter().enumerate() {
        let container = node.draft.options.deleted_with.as_ref().and_then(|container| graph.index.get(container));
        if let Some(&container) = container.filter(|container| **container != position) {
            edges.add_edge(index(container), index(position), ());
        }
    }
    // What becomes of a container is better known before what it takes along; but that is a wish, and no dependency.
    let sorted = toposort(&edges, None).or_else(|_| toposort(&firm, None));
    match sorted {
        Ok(order) => {
            let positions = order.into_iter().map(|node| mirror - node.index());
            Ok(positions.map(|position| (position, std::mem::take(&mut needs[position]))).collect())
        }
        Err(_) => Err(cycle(graph, &firm, mirror)),
    }
}

/// Names a shortest way around one cycle.
fn cycle(graph: &Graph, edges: &DiGraph<(), (), u32>, mirror: usize) -> Fault {
    let knots = tarjan_scc(edges);
    let knot = knots.into_iter().filter(|knot| knot.len() > 1).min_by_key(Vec::len).unwrap_or_default();
    let mut path = vec![knot[0]];
    while let Some(next) = edges.neighbors(path[path.len() - 1]).find(|next| knot.contains(next)) {
        if let Some(start) = path.iter().position(|seen| *seen == next) {
            path.drain(..start);
            break;
        }
        path.push(next);
    }
    let nodes: Vec<_> = path.iter().map(|node| &graph.nodes[mirror - node.index()]).collect();
    let names: Vec<String> = nodes.iter().chain(nodes.first()).map(|node| node.urn.label()).collect();
    let fault = Fault::new("T0104", format!("resources depend on each other in a circle: {}", names.join(" -> ")));
    let fault = fault.help("take out one of the `.after(..)` that close the circle");
    nodes.iter().fold(fault, |fault, node| fault.at(node.site))
}
