//! From a program to a graph: runs the program, then each part of it whose values are known, until nothing new comes.

use crate::{
    ConfigSource, Error, PlanOptions, Project,
    panics::catch,
    plan::{self, Input, Outcome},
};
use std::collections::BTreeSet;
use terrane_core::{Fault, Graph, Stack, State, Urn, graph::Expansion, stack::References};

/// A program that has run once.
pub(crate) fn evaluate(
    project: &Project,
    stack: &str,
    config: &ConfigSource,
    references: Box<References>,
) -> Result<Stack, Error> {
    let config = config().map_err(Error::Program)?;
    let stack = Stack::new(&project.name, stack, config, references);
    survive(|| (project.program)(&stack))?;
    let unknown = stack.configuration().unknown(strsim::jaro_winkler);
    for error in unknown {
        let fault = Fault::new(error.documented_as().unwrap_or("T0108"), error.to_string());
        let fault = match error.hint() {
            Some(hint) => fault.help(hint),
            None => fault,
        };
        // A key of a file has its place in the message; the program's own line would only mislead.
        stack.graph().faults.push(fault);
    }
    Ok(stack)
}

/// Plans, running parts of the program that waited as soon as the plan knows their values.
pub(crate) fn plan(
    project: &Project,
    stack: &Stack,
    state: &State,
    drifted: &BTreeSet<Urn>,
    options: &PlanOptions,
) -> Result<(Outcome, Graph), Error> {
    loop {
        let graph = std::mem::take(&mut *stack.graph());
        let (providers, name) = (&project.providers, stack.name());
        let input = Input { project: &project.name, stack: name, graph: &graph, state, drifted, options, providers };
        let outcome = plan::plan(&input)?;
        let (ready, waiting): (Vec<Expansion>, Vec<Expansion>) =
            graph.expansions.iter().cloned().partition(|expansion| expansion.waits.resolve(&outcome.facts).is_ok());
        if ready.is_empty() || options.purpose == terrane_core::plan::Purpose::Destroy {
            return Ok((outcome, graph));
        }
        *stack.graph() = Graph { expansions: waiting, ..graph };
        for expansion in ready {
            survive(|| (expansion.body)(stack, &outcome.facts))?;
        }
    }
}

/// Runs a part of the program; a panic is a failure like any other.
fn survive(part: impl FnOnce() -> terrane_core::Result<()>) -> Result<(), Error> {
    let ran = catch(part).unwrap_or_else(|panic| Err(terrane_core::Error::new(format!("a panic{panic}"))));
    ran.map_err(Error::Program)
}
