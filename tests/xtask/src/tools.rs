//! The tools that the tests run: which ones, in which version, and how they get into the cache folder.
//!
//! Versions and checksums stand in `tools/`; npm and pip refuse a package that doesn't match.

mod npm;
mod python;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::cache;

/// Every tool the tests need.
pub(crate) const ALL: &[Tool] = &[
    Tool {
        name: "restate",
        version: "1.7.12",
        tested_by: "terrane-restate",
        files: &[
            ("package.json", include_str!("../tools/package.json")),
            ("package-lock.json", include_str!("../tools/package-lock.json")),
        ],
        source: Source::Npm {
            packages: &["@restatedev/restate", "@restatedev/restate-server", "@restatedev/restatectl"],
        },
    },
    Tool {
        name: "moto",
        version: "5.2.5",
        tested_by: "terrane-tests",
        files: &[("requirements.txt", include_str!("../tools/moto/requirements.txt"))],
        source: Source::Python { module: "moto.server" },
    },
];

/// Holds the digest of what is installed. Written last, so that its presence means that all the rest is there.
const MARKER: &str = ".installed";

/// One product, installed into `<cache>/<npm or python>/<name>-<version>/`.
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
    /// The crate whose tests, and those of all crates that need it, run the tool.
    pub(crate) tested_by: &'static str,
    /// What is to be installed, in the installer's own files, with a checksum for every package.
    files: &'static [(&'static str, &'static str)],
    source: Source,
}

/// Who installs a tool, and what must be there then.
#[derive(Clone, Copy)]
enum Source {
    /// Packages with a binary of the same name; the binary is in a package of its own for each platform.
    Npm { packages: &'static [&'static str] },
    /// A virtual environment with a module that can be imported.
    Python { module: &'static str },
}

impl Source {
    fn folder(self) -> &'static str {
        match self {
            Self::Npm { .. } => "npm",
            Self::Python { .. } => "python",
        }
    }

    fn fill(self, folder: &Path) -> Result<()> {
        match self {
            Self::Npm { .. } => npm::install(folder),
            Self::Python { .. } => python::install(folder),
        }
    }

    /// Whether all that the tests run is there.
    fn check(self, folder: &Path) -> Result<()> {
        match self {
            Self::Npm { packages } => npm::check(folder, packages),
            Self::Python { module } => python::check(folder, module),
        }
    }
}

impl Tool {
    /// The name of the step that installs it.
    pub(crate) fn install_step(&self) -> String {
        format!("install {}", self.folder_name())
    }

    /// Installs the tool, unless this very version and checksums are there; returns what was done, in words.
    pub(crate) fn install(&self, cache: &Path) -> Result<String> {
        self.install_by(cache, |folder| self.source.fill(folder))
    }

    /// The new folder is filled beside its place and then renamed, so that nobody sees half an install.
    fn install_by(&self, cache: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<String> {
        let parent = cache.join(self.source.folder());
        let folder = parent.join(self.folder_name());
        let _lock = cache::lock(&parent.join(format!("{}.lock", self.folder_name())))?;
        if self.is_installed(&folder)? {
            return Ok(format!("already in {}", folder.display()));
        }
        let partial = parent.join(format!("{}.partial", self.folder_name()));
        remove_folder(&partial)?;
        fs::create_dir(&partial).with_context(|| format!("creating {}", partial.display()))?;
        for (name, text) in self.files {
            write(&partial.join(name), text)?;
        }
        fill(&partial)?;
        self.source.check(&partial)?;
        write(&partial.join(MARKER), &self.digest())?;
        remove_folder(&folder)?;
        fs::rename(&partial, &folder).with_context(|| format!("renaming to {}", folder.display()))?;
        Ok(format!("now in {}", folder.display()))
    }

    fn folder_name(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    fn is_installed(&self, folder: &Path) -> Result<bool> {
        let marker = folder.join(MARKER);
        match fs::read_to_string(&marker) {
            Ok(digest) => Ok(digest == self.digest() && self.source.check(folder).is_ok()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).with_context(|| format!("reading {}", marker.display())),
        }
    }

    fn digest(&self) -> String {
        let add = |digest: Sha256, (at, (_, text)): (usize, &(&str, &str))| {
            let separator: &[u8] = if at == 0 { &[] } else { &[0] };
            digest.chain_update(separator).chain_update(text)
        };
        let digest = self.files.iter().enumerate().fold(Sha256::new(), add).finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Runs an installer in a folder; `missing` is what to do where there is none.
fn run(command: &mut Command, folder: &Path, missing: &str) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    // What an installer says is not this program's output.
    match command.current_dir(folder).stdin(Stdio::null()).stdout(std::io::stderr()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("`{name}` failed, see above ({status})"),
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(
            "{name} was not found, and the tests run real servers that it installs: {missing}, or leave these tests out \
             with `--only`, such as `--only engine`"
        ),
        Err(error) => Err(error).with_context(|| format!("{name} could not be started")),
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
