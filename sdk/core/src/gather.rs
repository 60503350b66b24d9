//! Joining outputs: one, a tuple, a list; and `text!`, the `format!` of outputs.

use crate::output::Output;
use std::{fmt, sync::Arc};

/// Outputs that can be waited for together.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an output, nor a tuple or list of outputs",
    note = "pass outputs by reference: `(&queue.url, &bucket.name)`; capture plain values in the closure instead"
)]
pub trait Gather {
    /// What the closure gets.
    type Values: 'static;
    /// One output of all values.
    fn gather(self) -> Output<Self::Values>;
}

impl<T: 'static> Gather for Output<T> {
    type Values = T;
    fn gather(self) -> Output<T> {
        self
    }
}

impl<T: 'static> Gather for &Output<T> {
    type Values = T;
    fn gather(self) -> Output<T> {
        self.clone()
    }
}

impl<G: Gather> Gather for Vec<G> {
    type Values = Vec<G::Values>;
    fn gather(self) -> Output<Self::Values> {
        let all: Vec<Output<G::Values>> = self.into_iter().map(G::gather).collect();
        Output {
            sources: Arc::new(all.iter().flat_map(|o| o.sources.iter().cloned()).collect()),
            secret: all.iter().any(|o| o.secret),
            thunk: Arc::new(move |facts| all.iter().map(|o| o.resolve(facts)).collect()),
        }
    }
}

impl<G: Gather, const N: usize> Gather for [G; N] {
    type Values = Vec<G::Values>;
    fn gather(self) -> Output<Self::Values> {
        Vec::from(self).gather()
    }
}

macro_rules! tuples {
    ($(($($t:ident $i:tt),+))+) => { $(
        impl<$($t: Gather),+> Gather for ($($t,)+) {
            type Values = ($($t::Values,)+);
            fn gather(self) -> Output<Self::Values> {
                let all = ($(self.$i.gather(),)+);
                Output {
                    sources: Arc::new([$(&all.$i.sources),+].into_iter().flat_map(|s| s.iter().cloned()).collect()),
                    secret: false $(|| all.$i.secret)+,
                    thunk: Arc::new(move |facts| Ok(($(all.$i.resolve(facts)?,)+))),
                }
            }
        }
    )+ };
}
tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
}

/// What `text!` can splice in: outputs and anything printable.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a `text!`",
    note = "an output needs a printable value: `.map(|v| ..)` it into a string first"
)]
pub trait Part {
    /// The part as text.
    fn part(&self) -> Output<String>;
}

impl<T: fmt::Display + ?Sized> Part for T {
    fn part(&self) -> Output<String> {
        Output::known(self.to_string())
    }
}

impl<T: fmt::Display + 'static> Part for Output<T> {
    fn part(&self) -> Output<String> {
        self.map(|value| value.to_string())
    }
}

impl<T: fmt::Display + 'static> Part for &Output<T> {
    fn part(&self) -> Output<String> {
        (**self).part()
    }
}

/// `format!` for outputs: `text!("https://{}/", bucket.name)`. Placeholders are plain `{}`.
#[macro_export]
macro_rules! text {
    ($format:literal $(, $part:expr)* $(,)?) => {
        $crate::Output::map(
            &$crate::Gather::gather(::std::vec![$($crate::gather::Part::part(&$part)),*]),
            |parts: ::std::vec::Vec<::std::string::String>| {
                let mut parts = parts.into_iter();
                ::std::format!($format $(, { let _ = ::core::stringify!($part); parts.next().unwrap_or_default() })*)
            },
        )
    };
}
