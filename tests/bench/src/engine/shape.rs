//! The graphs that are measured, as one function from a resource's number to what it waits for and how long it takes.

use std::fmt;

use clap::ValueEnum;
use terrane::prelude::*;

use super::item::{Bench, Item};

/// How many chains there are.
pub(super) const CHAINS: usize = 10;
/// How many steps run at the same time: the engine's own default, and what other tools are told.
pub(super) const PARALLEL: usize = 64;
/// How long the resources of the random graph take.
const DELAYS_MS: std::ops::RangeInclusive<u64> = 20..=200;
/// The most that a resource of the random graph waits for.
const NEEDS_MAX: usize = 2;
/// Every run has the same random graph.
const SEED: u64 = 0x7e44a4e;

/// A graph of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// Ten chains of equal length
    Chains,
    /// One root that all others wait for
    FanOut,
    /// Any graph, with resources that take their time
    #[value(hide = true)]
    Random,
}

/// One resource of a graph.
struct Job {
    delay_ms: u64,
    /// The numbers of the resources that it waits for, all below its own.
    needs: Vec<usize>,
}

impl Shape {
    fn job(self, number: usize) -> Job {
        match self {
            Self::Chains => Job { delay_ms: 0, needs: number.checked_sub(CHAINS).into_iter().collect() },
            Self::FanOut => Job { delay_ms: 0, needs: (number > 0).then_some(0).into_iter().collect() },
            Self::Random => {
                let mut random = fastrand::Rng::with_seed(SEED + number as u64);
                let count = random.usize(..=NEEDS_MAX.min(number));
                let needs = (0..count).map(|_| random.usize(..number)).collect();
                Job { delay_ms: random.u64(DELAYS_MS), needs }
            }
        }
    }

    /// The number of the resource whose output feeds this one's input.
    pub(super) fn upstream(self, number: usize) -> Option<usize> {
        self.job(number).needs.first().copied()
    }

    /// The program: reads the output of the first resource that is needed, and waits for the others. A create takes `delay_ms_min` at least.
    pub(super) fn declare(self, stack: &Stack, resources: usize, delay_ms_min: u64) {
        let bench = stack.provider(Bench {});
        let mut items: Vec<Declared<Item>> = Vec::with_capacity(resources);
        for number in 0..resources {
            let Job { delay_ms, needs } = self.job(number);
            let delay_ms = delay_ms.max(delay_ms_min);
            let mut draft = Item::new(format!("item-{number}")).value(format!("value-{number}")).delay_ms(delay_ms);
            if let Some((&first, others)) = needs.split_first() {
                draft = draft.upstream(&items[first].id);
                draft = others.iter().fold(draft, |draft, &other| draft.after(&items[other]));
            }
            items.push(stack.add(&bench, draft));
        }
    }

    /// The shortest time that any order of the creates could take: the longest chain, or all the work shared out.
    pub(super) fn bound_seconds(self, resources: usize) -> f64 {
        let mut ends_ms: Vec<u64> = Vec::with_capacity(resources);
        let mut work_ms = 0;
        for number in 0..resources {
            let Job { delay_ms, needs } = self.job(number);
            let begins_ms = needs.iter().map(|&needed| ends_ms[needed]).max().unwrap_or(0);
            ends_ms.push(begins_ms + delay_ms);
            work_ms += delay_ms;
        }
        let chain_ms = ends_ms.into_iter().max().unwrap_or(0);
        (chain_ms as f64).max(work_ms as f64 / PARALLEL as f64) / 1000.0
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chains => "chains",
            Self::FanOut => "fan-out",
            Self::Random => "random",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_graph_is_one_without_circles_and_the_same_each_time() {
        for shape in [Shape::Chains, Shape::FanOut, Shape::Random] {
            for number in 0..500 {
                let needs = shape.job(number).needs;
                assert!(needs.iter().all(|&needed| needed < number), "{shape} {number}: {needs:?}");
                assert_eq!(needs, shape.job(number).needs);
            }
        }
    }

    #[test]
    fn no_run_beats_the_longest_chain_nor_the_work_shared_out() {
        let total = |count| (0..count).map(|number| Shape::Random.job(number).delay_ms).sum::<u64>() as f64 / 1000.0;
        assert!((Shape::Random.bound_seconds(1) - total(1)).abs() < 1e-9);
        assert!(Shape::Random.bound_seconds(500) >= total(500) / PARALLEL as f64);
        assert_eq!(Shape::Chains.bound_seconds(500), 0.0);
    }
}
