//! The one test binary of the whole system: each file beside this one is a module of it.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop where it stands")]

mod bad_input;
mod canaries;
mod cli;
mod kill;
mod kinds;
mod readme;
mod s3;
mod session;
mod soak;
mod stories;
mod support;
mod tidy;
