//! Nor is an output for debugging: its value is not there.

#[path = "../demo/mod.rs"]
mod demo;

use demo::{Aws, queue::Queue};
use terrane::prelude::*;

fn program(stack: &Stack, aws: &On<Aws>) {
    let queue = stack.add(aws, Queue::new("work").name("work").retention(60));
    let _ = format!("{:?}", queue.url);
}

fn main() {}
