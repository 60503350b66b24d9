//! What a setter of a draft accepts: a value, an output of it, or something that stands for it.

use crate::{Gather, Output};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// A value or an output of a value of type `T`. Providers implement it for their own references.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot feed an input of type `{T}`",
    label = "expected `{T}` or `Output<{T}>`",
    note = "convert an output with `.map(..)`, join several with `text!(..)` or `(&a, &b).gather().map(..)`"
)]
pub trait IntoInput<T> {
    /// The value as an output.
    fn into_input(self) -> Output<T>;
}

impl<T: Clone + Send + Sync + 'static> IntoInput<T> for T {
    fn into_input(self) -> Output<T> {
        Output::known(self)
    }
}

impl<T> IntoInput<T> for Output<T> {
    fn into_input(self) -> Output<T> {
        self
    }
}

impl<T> IntoInput<T> for &Output<T> {
    fn into_input(self) -> Output<T> {
        self.clone()
    }
}

impl IntoInput<String> for &str {
    fn into_input(self) -> Output<String> {
        Output::known(self.to_owned())
    }
}

impl IntoInput<String> for &String {
    fn into_input(self) -> Output<String> {
        Output::known(self.clone())
    }
}

impl IntoInput<PathBuf> for &str {
    fn into_input(self) -> Output<PathBuf> {
        Output::known(self.into())
    }
}

impl IntoInput<PathBuf> for String {
    fn into_input(self) -> Output<PathBuf> {
        Output::known(self.into())
    }
}

impl IntoInput<PathBuf> for &Path {
    fn into_input(self) -> Output<PathBuf> {
        Output::known(self.to_owned())
    }
}

/// A list whose items may be outputs, or an output of a whole list.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot feed a list of `{T}`",
    note = "use `[a, b]`, a `Vec`, an `Output<Vec<{T}>>`, or `inputs![a, &b]` for values mixed with outputs"
)]
pub trait IntoList<T> {
    /// The list as an output.
    fn into_list(self) -> Output<Vec<T>>;
}

impl<T: 'static, I: IntoInput<T>> IntoList<T> for Vec<I> {
    fn into_list(self) -> Output<Vec<T>> {
        self.into_iter().map(I::into_input).collect::<Vec<_>>().gather()
    }
}

impl<T: 'static, I: IntoInput<T>, const N: usize> IntoList<T> for [I; N] {
    fn into_list(self) -> Output<Vec<T>> {
        Vec::from(self).into_list()
    }
}

impl<T> IntoList<T> for Output<Vec<T>> {
    fn into_list(self) -> Output<Vec<T>> {
        self
    }
}

impl<T> IntoList<T> for &Output<Vec<T>> {
    fn into_list(self) -> Output<Vec<T>> {
        self.clone()
    }
}

/// A map with text keys whose values may be outputs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot feed a map of `{T}`",
    note = "use `[(\"KEY\", value), ..]`, a `Vec` of pairs, a `BTreeMap` or an output of one"
)]
pub trait IntoMap<T> {
    /// The map as an output.
    fn into_map(self) -> Output<BTreeMap<String, T>>;
}

impl<T: 'static, K: Into<String>, I: IntoInput<T>, const N: usize> IntoMap<T> for [(K, I); N] {
    fn into_map(self) -> Output<BTreeMap<String, T>> {
        Vec::from(self).into_map()
    }
}

impl<T: 'static, K: Into<String>, I: IntoInput<T>> IntoMap<T> for Vec<(K, I)> {
    fn into_map(self) -> Output<BTreeMap<String, T>> {
        let (keys, values): (Vec<String>, Vec<I>) = self.into_iter().map(|(k, v)| (k.into(), v)).unzip();
        values.into_list().map(move |values| keys.iter().cloned().zip(values).collect())
    }
}

impl<T: 'static, I: IntoInput<T>> IntoMap<T> for BTreeMap<String, I> {
    fn into_map(self) -> Output<BTreeMap<String, T>> {
        self.into_iter().collect::<Vec<_>>().into_map()
    }
}

impl<T> IntoMap<T> for Output<BTreeMap<String, T>> {
    fn into_map(self) -> Output<BTreeMap<String, T>> {
        self
    }
}

impl<T> IntoMap<T> for &Output<BTreeMap<String, T>> {
    fn into_map(self) -> Output<BTreeMap<String, T>> {
        self.clone()
    }
}

/// A list of values mixed with outputs: `inputs!["root", &queue.url]`.
#[macro_export]
macro_rules! inputs {
    ($($item:expr),* $(,)?) => { ::std::vec![$($crate::IntoInput::into_input($item)),*] };
}

/// Typestate of a required input, used by derived code.
#[doc(hidden)]
pub struct Set;

/// A required input that is set.
#[diagnostic::on_unimplemented(
    message = "required input `{Self}` is not set",
    label = "this draft is incomplete",
    note = "each required input must be set before a resource is added to a stack"
)]
#[doc(hidden)]
pub trait Given {}
impl Given for Set {}

/// A required input that is not set: its state is still its own marker.
#[diagnostic::on_unimplemented(
    message = "required input `{Marker}` is set twice",
    label = "this input is set already",
    note = "keep one of the two calls"
)]
#[doc(hidden)]
pub trait Unset<Marker> {}
impl<Marker> Unset<Marker> for Marker {}
