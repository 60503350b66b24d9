//! An output is used by reference.

#[path = "../demo/mod.rs"]
mod demo;

use demo::{Aws, queue::Queue};
use terrane::prelude::*;

fn program(stack: &Stack, aws: &On<Aws>) {
    let queue = stack.add(aws, Queue::new("work").name("work").retention(60));
    let _again = stack.add(aws, Queue::new("again").name(queue.url).retention(60));
}

fn main() {}
