//! The engine and its journals in a simulated world: one thread, virtual time, every fault from a seed.
//!
//! A [`case`] says what happens: programs, who runs them, what goes wrong. A [`simulation`] lives through it with the real engine and the
//! real journal, in a [`world`] that the [`scheduler`] runs, against a [`store`] and a [`cloud`] behind networks that fail. The [`check`]ers
//! look on from outside. [`scenarios`] and [`worlds`] are cases that are cut at every request; a failing case is made smaller by [`shrink`].

pub mod case;
pub mod check;
pub mod cloud;
pub mod faults;
#[cfg(feature = "planted")]
pub mod planted;
pub mod process;
pub mod program;
pub mod promise;
pub mod runs;
pub mod scenarios;
pub mod scheduler;
pub mod scratch;
pub mod shrink;
pub mod simulation;
pub mod store;
pub mod story;
pub mod summary;
pub mod watch;
pub mod wire;
pub mod world;
pub mod worlds;
