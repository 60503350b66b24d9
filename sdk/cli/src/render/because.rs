//! Causes: the chain from an input back to what changed first.

use super::text::{Line, Tone};
use std::collections::BTreeSet;
use terrane_core::{
    Urn,
    plan::{Op, Plan, Step, Why},
};

/// A step names at most so many causes.
const CAUSES_MAX: usize = 3;
/// A chain has at most so many links.
const LINKS_MAX: usize = 8;

/// A cause in each line, followed back through the plan.
pub(crate) fn lines(plan: &Plan, step: &Step) -> Vec<Line> {
    if step.op == Op::Create {
        return Vec::new();
    }
    let (chains, own): (Vec<Vec<String>>, Vec<Vec<String>>) =
        step.why.iter().filter_map(|why| chain(plan, step, why)).partition(|links| links.len() > 1);
    // However many inputs of its own have changed, it is declared at one place.
    let causes: Vec<&Vec<String>> = chains.iter().chain(own.first()).collect();
    let more = causes.len().saturating_sub(CAUSES_MAX);
    let mut lines: Vec<Line> = causes.iter().take(CAUSES_MAX).map(|links| line(links, &step.site)).collect();
    if more > 0 {
        lines.push(Line::new().with(Tone::Dim, format!("and {more} more causes")));
    }
    lines
}

/// A chain; one without an upstream is only told where it is declared.
fn line(links: &[String], site: &str) -> Line {
    if links.len() == 1 {
        return Line::new().with(Tone::Dim, format!("declared at {site}"));
    }
    let line = Line::new().with(Tone::Dim, "because ").add(links.join("  <-  "));
    if site.is_empty() { line } else { line.with(Tone::Dim, format!("   {site}")) }
}

/// The links of one cause; a value that was written into this very declaration has none, unless something is lost by it.
fn chain(plan: &Plan, step: &Step, why: &Why) -> Option<Vec<String>> {
    let (name, mut next) = cause(why)?;
    let mut links = vec![format!("{}.{name}", step.urn.label())];
    if next.is_none() {
        return (matches!(step.op, Op::Replace { .. }) && !step.site.is_empty()).then_some(links);
    }
    let mut seen = BTreeSet::from([&step.urn]);
    while let Some((urn, field)) = next {
        if links.len() >= LINKS_MAX || !seen.insert(urn) {
            links.push("…".to_owned());
            break;
        }
        let upstream = plan.step(urn);
        let further = upstream.and_then(|step| step.why.iter().find_map(cause));
        let label = urn.label();
        links.push(match (field, &further, upstream.map(|step| step.op)) {
            (Some(field), ..) => format!("{label}.{field}"),
            (None, Some((input, _)), _) => format!("{label}.{input}"),
            (None, None, Some(op)) if op != Op::Same => format!("{label} ({})", op.word()),
            (None, None, _) => label,
        });
        next = further.and_then(|(_, next)| next);
    }
    Some(links)
}

type Upstream<'a> = Option<(&'a Urn, Option<&'a str>)>;

fn cause(why: &Why) -> Option<(&str, Upstream<'_>)> {
    match why {
        Why::Input { name, from } => Some((name, from.first().map(|urn| (urn, None)))),
        Why::Awaits { name, on, field } => Some((name, Some((on, Some(field))))),
        _ => None,
    }
}
