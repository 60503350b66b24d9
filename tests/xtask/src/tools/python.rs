//! Packages that pip installs into a virtual environment.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

const MISSING: &str =
    "install Python with its virtual environments (`apt-get install python3-venv`, `brew install python`)";

/// Only wheels are taken: building a package would run its code. The environment is used by its interpreter alone, which finds
/// its packages wherever the folder is moved to.
pub(super) fn install(folder: &Path) -> Result<()> {
    super::run(Command::new("python3").args(["-m", "venv", "."]), folder, MISSING)?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]);
    pip.args(["--require-hashes", "--only-binary", ":all:", "--requirement", "requirements.txt"]);
    super::run(&mut pip, folder, MISSING)
}

/// Whether the interpreter is there and finds the module.
pub(super) fn check(folder: &Path, module: &str) -> Result<()> {
    let mut python = Command::new(folder.join("bin/python"));
    super::run(python.args(["-c", &format!("import {module}")]), folder, MISSING)
}
