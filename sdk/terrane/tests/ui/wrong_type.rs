//! An input of another type.

#[path = "../demo/mod.rs"]
mod demo;

use demo::{Aws, queue::Queue};
use terrane::prelude::*;

fn program(stack: &Stack, aws: &On<Aws>) {
    let _queue = stack.add(aws, Queue::new("work").name(7).retention(60));
}

fn main() {}
