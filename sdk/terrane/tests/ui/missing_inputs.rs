//! Several required inputs are not set: each is named.

#[path = "../demo/mod.rs"]
mod demo;

use demo::{Aws, queue::Queue};
use terrane::prelude::*;

fn program(stack: &Stack, aws: &On<Aws>) {
    let _queue = stack.add(aws, Queue::new("work").visibility(60));
}

fn main() {}
