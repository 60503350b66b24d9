//! What the stories are told with: a cloud in memory, a stack to run programs in, and journals that watch or break.

pub(crate) mod cloud;
pub(crate) mod demo;
pub(crate) mod folder;
pub(crate) mod journal;
pub(crate) mod sky;
pub(crate) mod story;
pub(crate) mod text;

pub(crate) use cloud::{Cloud, Trouble};
pub(crate) use demo::{Demo, Grant, Thing, Unique, Watched};
pub(crate) use folder::Folder;
pub(crate) use story::Story;
pub(crate) use terrane::{Options as _, prelude::*};
