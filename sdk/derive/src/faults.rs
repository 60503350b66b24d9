//! Reporting everything that is wrong with a struct at once.

use quote::ToTokens;
use std::fmt::Display;
use syn::{Error, Result};

/// What was found so far.
#[derive(Default)]
pub(crate) struct Faults(Option<Error>);

impl Faults {
    /// Adds a fault.
    pub(crate) fn push(&mut self, fault: Error) {
        match &mut self.0 {
            Some(all) => all.combine(fault),
            None => self.0 = Some(fault),
        }
    }

    /// Adds a fault of a piece of code.
    pub(crate) fn at(&mut self, place: &impl ToTokens, message: impl Display) {
        self.push(Error::new_spanned(place, message));
    }

    /// The value, if nothing was found.
    pub(crate) fn or<T>(self, value: T) -> Result<T> {
        self.0.map_or(Ok(value), Err)
    }
}

/// Both values, or the faults of both.
pub(crate) fn both<A, B>(a: Result<A>, b: Result<B>) -> Result<(A, B)> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(mut a), Err(b)) => {
            a.combine(b);
            Err(a)
        }
        (Err(fault), Ok(_)) | (Ok(_), Err(fault)) => Err(fault),
    }
}
