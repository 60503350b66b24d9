//! A list with items of another type.

#[path = "../demo/mod.rs"]
mod demo;

use demo::{Aws, policy::Policy};
use terrane::prelude::*;

fn program(stack: &Stack, aws: &On<Aws>) {
    let _policy = stack.add(aws, Policy::new("policy").resources([1, 2]).limits([("rate", 5)]));
}

fn main() {}
