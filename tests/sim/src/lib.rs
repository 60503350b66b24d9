//! The engine and its journals in a simulated world: one thread, virtual time, every fault from a seed.

pub mod case;
pub mod check;
pub mod cloud;
pub mod faults;
pub mod process;
pub mod program;
pub mod promise;
pub mod scheduler;
pub mod simulation;
pub mod store;
pub mod story;
pub mod watch;
pub mod wire;
pub mod world;
