//! Types that can't be stored in state by the names of their fields.

use terrane::{Inputs, Outputs, Resource};

#[derive(Resource)]
#[resource(delete_first)]
struct Queue(String);

#[derive(Inputs)]
enum Redrive {
    To(String),
}

#[derive(Outputs)]
struct QueueOutputs<T> {
    value: T,
}

fn main() {}
