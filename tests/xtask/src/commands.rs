//! The commands, one file each: its arguments and a `run` that returns the exit code.

pub(crate) mod bench;
pub(crate) mod install;
pub(crate) mod sim;
pub(crate) mod soak;
pub(crate) mod test;
