//! What a program needs, for `use terrane::prelude::*`. Providers name what they need from the crate's root.

pub use crate::{
    Complete, Context, Declare, Declared, Error, Gather, IntoInput, On, Options, Output, Result, Stack, inputs, text,
};
pub use std::process::ExitCode;
