//! Targets and exclusions: which resources a run may touch, worked out once over the explicit edges.

use super::Input;
use crate::Error;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use terrane_core::{Urn, plan::Purpose};

/// Which resources a run may touch.
pub(crate) struct Selection {
    included: Option<BTreeSet<Urn>>,
    excluded: BTreeSet<Urn>,
    replaced: BTreeSet<Urn>,
    imports: BTreeMap<Urn, String>,
}

impl Selection {
    pub(crate) fn new(input: &Input<'_>, moved: &HashMap<Urn, Urn>) -> Result<Self, Error> {
        let edges = Edges::new(input, moved);
        let options = input.options;
        // Whoever is made needs what it depends on; whoever is deleted takes along what depends on it.
        let included = match options.targets.is_empty() {
            true => None,
            false => Some(edges.reach(&edges.named(&options.targets)?, |urn| match edges.leaves(urn) {
                true => edges.needed_by(urn),
                false => edges.needs(urn).into_iter().filter(|urn| !edges.leaves(urn)).collect(),
            })),
        };
        // What is left as it is keeps what it uses, and nothing is built on what is not there.
        let excluded = edges.reach(&edges.named(&options.excludes)?, |urn| match edges.leaves(urn) {
            true => edges.needs(urn),
            false => {
                let leaving = edges.needs(urn).into_iter().filter(|urn| edges.leaves(urn));
                leaving.chain(edges.needed_by(urn)).collect()
            }
        });
        let replaced = edges.named(&options.replace)?;
        let mut imports = BTreeMap::new();
        for (pattern, id) in &options.imports {
            imports.extend(edges.named(std::slice::from_ref(pattern))?.into_iter().map(|urn| (urn, id.clone())));
        }
        Ok(Self { included, excluded, replaced, imports })
    }

    pub(crate) fn includes(&self, urn: &Urn) -> bool {
        self.included.as_ref().is_none_or(|included| included.contains(urn)) && !self.excluded.contains(urn)
    }

    pub(crate) fn asks_replacement(&self, urn: &Urn) -> bool {
        self.replaced.contains(urn)
    }

    pub(crate) fn import(&self, urn: &Urn) -> Option<String> {
        self.imports.get(urn).cloned()
    }
}

/// The edges of program and state together.
struct Edges<'a> {
    input: &'a Input<'a>,
    moved: BTreeSet<&'a Urn>,
    needs: HashMap<Urn, BTreeSet<Urn>>,
    needed_by: HashMap<Urn, BTreeSet<Urn>>,
}

impl<'a> Edges<'a> {
    fn new(input: &'a Input<'a>, moved: &'a HashMap<Urn, Urn>) -> Self {
        let moved = moved.values().collect();
        let mut edges = Self { input, moved, needs: HashMap::new(), needed_by: HashMap::new() };
        let options = input.options;
        if options.targets.is_empty() && options.excludes.is_empty() {
            return edges;
        }
        for node in &input.graph.nodes {
            edges.add(&node.urn, node.dependencies(&input.graph.handles));
        }
        for instance in input.state.instances() {
            edges.add(&instance.urn, instance.dependencies.clone());
        }
        edges
    }

    fn add(&mut self, urn: &Urn, dependencies: BTreeSet<Urn>) {
        for dependency in &dependencies {
            self.needed_by.entry(dependency.clone()).or_default().insert(urn.clone());
        }
        self.needs.entry(urn.clone()).or_default().extend(dependencies);
    }

    fn needs(&self, urn: &Urn) -> Vec<Urn> {
        self.needs.get(urn).into_iter().flatten().cloned().collect()
    }

    fn needed_by(&self, urn: &Urn) -> Vec<Urn> {
        self.needed_by.get(urn).into_iter().flatten().cloned().collect()
    }

    fn leaves(&self, urn: &Urn) -> bool {
        let destroys = self.input.options.purpose == Purpose::Destroy;
        destroys || (!self.input.graph.index.contains_key(urn) && !self.moved.contains(urn))
    }

    fn reach(&self, from: &BTreeSet<Urn>, next: impl Fn(&Urn) -> Vec<Urn>) -> BTreeSet<Urn> {
        let mut reached = from.clone();
        let mut open: Vec<Urn> = from.iter().cloned().collect();
        while let Some(urn) = open.pop() {
            open.extend(next(&urn).into_iter().filter(|urn| reached.insert(urn.clone())));
        }
        reached
    }

    fn named(&self, patterns: &[String]) -> Result<BTreeSet<Urn>, Error> {
        let mut all = BTreeSet::new();
        for pattern in patterns {
            let urns = self.input.graph.index.keys().chain(self.input.state.live.keys());
            let named: Vec<&Urn> = urns.filter(|urn| matches(pattern, urn)).collect();
            if named.is_empty() {
                return Err(Error::NoMatch { pattern: pattern.clone(), nearest: self.nearest(pattern) });
            }
            all.extend(named.into_iter().cloned());
        }
        Ok(all)
    }

    fn nearest(&self, pattern: &str) -> Option<String> {
        let labels = self.input.graph.index.keys().chain(self.input.state.live.keys()).map(Urn::label);
        let scored = labels.map(|label| (strsim::jaro_winkler(&label, pattern), label));
        scored.filter(|(score, _)| *score > 0.7).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, label)| label)
    }
}

/// Whether a pattern names a resource: by its URN, its label, its name, or `kind/name`; `*` stands for any text.
pub(crate) fn matches(pattern: &str, urn: &Urn) -> bool {
    let kind_and_name = format!("{}/{}", urn.kind(), urn.name());
    [urn.as_str(), &urn.label(), urn.name(), &kind_and_name]
        .iter()
        .any(|text| wild(pattern.as_bytes(), text.as_bytes()))
}

fn wild(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut retry) = (0, 0, None);
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            retry = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((star, from)) = retry {
            (p, t, retry) = (star + 1, from + 1, Some((star, from + 1)));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let urn = Urn::new("dev", "shop", "eu", "aws:s3:Bucket", "logs");
        for pattern in ["logs", "eu/logs", "eu/*", "*", "aws:s3:Bucket/logs", "dev/shop/*", "l*s", "*Bucket/*"] {
            assert!(matches(pattern, &urn), "{pattern}");
        }
        for pattern in ["log", "us/*", "", "logs?", "*x"] {
            assert!(!matches(pattern, &urn), "{pattern}");
        }
    }
}
