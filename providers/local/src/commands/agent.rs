//! `local _agent REGION FOLDER`: serves a region. People don't type it; `up` starts it.

use crate::provider::serve;
use std::{path::Path, process::ExitCode};
use terrane::{CommandLine, Error, Result};

pub(super) fn run(line: &CommandLine) -> Result<ExitCode> {
    match &line.arguments[..] {
        [region, folder] => serve(region, Path::new(folder)),
        _ => Err(Error::new("`local _agent` takes a region and a folder")),
    }
}
