//! From values to text: plans, notes, faults, drift, reports. Pure, and readable without colour.

mod because;
pub(crate) mod drift;
pub(crate) mod faults;
pub(crate) mod markdown;
mod notes;
pub(crate) mod plan;
pub(crate) mod report;
mod step;
pub(crate) mod summary;
pub(crate) mod table;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod tree;
pub(crate) mod units;
pub(crate) mod value;

pub(crate) use step::View;
pub(crate) use text::{Line, Text, Tone};
