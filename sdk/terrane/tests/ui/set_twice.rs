//! A required input is set twice.

#[path = "../demo/mod.rs"]
mod demo;

use demo::{Aws, queue::Queue};
use terrane::prelude::*;

fn program(stack: &Stack, aws: &On<Aws>) {
    let _queue = stack.add(aws, Queue::new("work").name("work").retention(60).name("other"));
}

fn main() {}
