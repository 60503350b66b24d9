//! An output of another type.

#[path = "../demo/mod.rs"]
mod demo;

use demo::{Aws, queue::Queue};
use terrane::prelude::*;

fn program(stack: &Stack, aws: &On<Aws>) {
    let first = stack.add(aws, Queue::new("first").name("first").retention(60));
    let _queue = stack.add(aws, Queue::new("work").name(&first.depth).retention(60));
}

fn main() {}
