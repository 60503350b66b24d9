//! What `stack.add` takes and gives back.

use crate::{Described, Draft, Outputs, Provider, Refers, Resource, Stack, Urn};
use std::{marker::PhantomData, ops::Deref};

/// A configured provider: cheap to clone, valid for one stack.
pub struct On<P> {
    handle: usize,
    provider: PhantomData<fn() -> P>,
}

impl<P> Clone for On<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for On<P> {}

impl<P: Provider> On<P> {
    pub(crate) fn new(handle: usize) -> Self {
        Self { handle, provider: PhantomData }
    }

    pub(crate) fn handle(&self) -> usize {
        self.handle
    }
}

/// Something that can be added to a stack: a resource's draft on a handle of its own provider, or a component on whatever it needs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be added on `{On}`",
    label = "not a handle that this can be added on",
    note = "a resource is added on a handle of its own provider, a component on what its documentation names"
)]
pub trait Declare<On> {
    /// What refers to it afterwards.
    type Declared;
    /// Declares it.
    #[track_caller]
    fn declare(self, stack: &Stack, on: &On) -> Self::Declared;
}

/// Every required input is set. Derived for drafts; a component says so in one empty impl.
pub trait Complete {}

/// A draft of one resource type; implemented by derived code.
pub trait DraftOf {
    /// The resource type.
    type Resource: Resource;
    /// The draft without its type.
    fn into_draft(self) -> Draft;
}

impl<D: DraftOf> Declare<On<<D::Resource as Described>::Provider>> for D {
    type Declared = Declared<D::Resource>;
    #[track_caller]
    fn declare(self, stack: &Stack, on: &On<<D::Resource as Described>::Provider>) -> Self::Declared {
        stack.declare(on, self.into_draft())
    }
}

/// A resource that is part of a stack; its outputs are fields.
pub struct Declared<R: Described> {
    urn: Urn,
    handle: <R::Outputs as Outputs>::Handle,
}

impl<R: Described> Clone for Declared<R> {
    fn clone(&self) -> Self {
        Self { urn: self.urn.clone(), handle: self.handle.clone() }
    }
}

impl<R: Described> Declared<R> {
    pub(crate) fn new(urn: Urn, secret_outputs: &[String]) -> Self {
        Self { handle: R::Outputs::handle(&urn, secret_outputs), urn }
    }

    /// Its identity.
    pub fn urn(&self) -> &Urn {
        &self.urn
    }
}

impl<R: Described> Deref for Declared<R> {
    type Target = <R::Outputs as Outputs>::Handle;
    fn deref(&self) -> &Self::Target {
        &self.handle
    }
}

impl<R: Described> Refers for Declared<R> {
    fn urns(&self) -> Vec<Urn> {
        vec![self.urn.clone()]
    }
}
