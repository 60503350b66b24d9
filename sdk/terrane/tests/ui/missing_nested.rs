//! A required input of a nested struct is not set.

#[path = "../demo/mod.rs"]
mod demo;

use demo::{
    Aws,
    queue::{Queue, Redrive},
};
use terrane::prelude::*;

fn program(stack: &Stack, aws: &On<Aws>) {
    let redrive = Redrive::new().after(3);
    let _queue = stack.add(aws, Queue::new("work").name("work").retention(60).redrive(redrive));
}

fn main() {}
