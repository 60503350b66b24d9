//! The one test binary of the whole system: each file beside this one is a module of it.

mod tidy;
