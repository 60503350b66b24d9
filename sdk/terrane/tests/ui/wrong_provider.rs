//! A resource is added on another provider.

#[path = "../demo/mod.rs"]
mod demo;

use demo::{Aws, Kubernetes, queue::Queue};
use terrane::prelude::*;

fn program(stack: &Stack, aws: &On<Aws>) {
    let kubernetes = stack.provider(Kubernetes);
    let _queue = stack.add(&kubernetes, Queue::new("work").name("work").retention(60));
    let _ = aws;
}

fn main() {}
