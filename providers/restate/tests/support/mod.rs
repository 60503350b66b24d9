//! What the stories share: a stack of its own for each, the processes of this machine, a service, and its callers.

pub(crate) mod callers;
pub(crate) mod processes;
pub(crate) mod rehearsal;
pub(crate) mod service;
mod shapes;
pub(crate) mod watch;
