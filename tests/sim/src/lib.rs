//! The engine and its journals in a simulated world: one thread, virtual time, every fault from a seed.

pub mod cloud;
