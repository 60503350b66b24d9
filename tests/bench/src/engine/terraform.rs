//! The same graphs by Terraform, with its own resource that costs nothing and state on the same disk.

use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::case::{Case, Verb};
use super::figure::{Figure, Figures};
use super::process::{Cost, watch};
use super::shape::{PARALLEL, Shape};
use crate::scratch::folder_bytes;

/// Where its state is, below the folder of its program.
const STATE: &str = "state";

/// Measures every case, if there is a `terraform` on `PATH`; says whether there is.
pub(super) fn measure(shape: Shape, resources: usize, folder: &Path, figures: &mut Figures) -> Result<bool> {
    let Some(binary) = on_path("terraform") else { return Ok(false) };
    let state = folder.join(STATE);
    fs::create_dir_all(&state)?;
    fs::write(folder.join("main.tf"), program(shape, resources)?)?;
    // Empty settings instead of the user's, which may name mirrors and plugins.
    let settings = folder.join("settings.tfrc");
    fs::write(&settings, "")?;
    let terraform = |arguments: &[&str]| {
        let mut command = Command::new(&binary);
        command.args(arguments).current_dir(folder);
        command.env("CHECKPOINT_DISABLE", "1").env("TF_IN_AUTOMATION", "1").env("TF_CLI_CONFIG_FILE", &settings);
        command
    };
    watch(&mut terraform(&["init", "-input=false"]))?;
    let parallel = format!("-parallelism={PARALLEL}");
    for verb in [Verb::Create, Verb::Preview, Verb::Noop, Verb::Destroy] {
        let words: &[&str] = match verb {
            Verb::Create | Verb::Noop => &["apply", "-auto-approve"],
            Verb::Preview => &["plan"],
            Verb::Destroy => &["destroy", "-auto-approve"],
            Verb::Read => &["show"],
        };
        let words = [words, &["-input=false", "-no-color", &parallel]].concat();
        let Cost { seconds, rss_bytes, written_bytes } = watch(&mut terraform(&words))?;
        let case = Case::new(verb, shape, resources, folder.to_owned());
        let figure = Figure::new("terraform", verb.word(), &case, seconds);
        let ratio = figures.own_seconds(figure.case, &figure.shape, resources).map(|own| seconds / own);
        figures.add(Figure { rss_bytes, written_bytes, state_bytes: folder_bytes(&state)?, ratio, ..figure })?;
    }
    Ok(true)
}

/// The graph in Terraform's language.
fn program(shape: Shape, resources: usize) -> Result<String> {
    let mut text = format!("terraform {{\n  backend \"local\" {{ path = \"{STATE}/terraform.tfstate\" }}\n}}\n");
    for number in 0..resources {
        let upstream =
            shape.upstream(number).map_or_else(|| "null".to_owned(), |of| format!("terraform_data.item-{of}.id"));
        writeln!(text, "resource \"terraform_data\" \"item-{number}\" {{")?;
        writeln!(text, "  input = {{ value = \"value-{number}\", upstream = {upstream} }}\n}}")?;
    }
    Ok(text)
}

/// Where a program is, if it is on `PATH`.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}
