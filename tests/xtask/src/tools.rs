//! The tools that the tests run: which ones, in which version, and how they get into the cache folder.
//!
//! Versions and checksums stand in `tools/package-lock.json`; npm refuses a package that doesn't match.

use std::env::consts;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::cache;

/// Every tool the tests need.
pub(crate) const ALL: &[Tool] = &[Tool {
    name: "restate",
    version: "1.7.12",
    tested_by: "terrane-restate",
    manifest: include_str!("../tools/package.json"),
    lock: include_str!("../tools/package-lock.json"),
    packages: &["@restatedev/restate", "@restatedev/restate-server", "@restatedev/restatectl"],
}];

/// Holds the digest of what is installed. Written last, so that its presence means that all the rest is there.
const MARKER: &str = ".installed";

/// One product, installed by npm into `<cache>/npm/<name>-<version>/`.
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
    /// The crate whose tests, and those of all crates that need it, run the tool.
    pub(crate) tested_by: &'static str,
    manifest: &'static str,
    lock: &'static str,
    /// Packages with a binary of the same name; the binary is in a package of its own for each platform.
    packages: &'static [&'static str],
}

impl Tool {
    /// The name of the step that installs it.
    pub(crate) fn install_step(&self) -> String {
        format!("install {}", self.folder_name())
    }

    /// Installs the tool, unless this very version and checksums are there; returns what was done, in words.
    pub(crate) fn install(&self, cache: &Path) -> Result<String> {
        self.install_by(cache, npm_ci)
    }

    /// The new folder is filled beside its place and then renamed, so that nobody sees half an install.
    fn install_by(&self, cache: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<String> {
        let parent = cache.join("npm");
        let folder = parent.join(self.folder_name());
        let _lock = cache::lock(&parent.join(format!("{}.lock", self.folder_name())))?;
        if self.is_installed(&folder)? {
            return Ok(format!("already in {}", folder.display()));
        }
        let partial = parent.join(format!("{}.partial", self.folder_name()));
        remove_folder(&partial)?;
        fs::create_dir(&partial).with_context(|| format!("creating {}", partial.display()))?;
        write(&partial.join("package.json"), self.manifest)?;
        write(&partial.join("package-lock.json"), self.lock)?;
        fill(&partial)?;
        self.check_binaries(&partial)?;
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
            Ok(digest) => Ok(digest == self.digest() && self.check_binaries(folder).is_ok()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).with_context(|| format!("reading {}", marker.display())),
        }
    }

    /// To npm the platform's packages are optional: it leaves one out without a word when its checksum is wrong.
    fn check_binaries(&self, folder: &Path) -> Result<()> {
        for package in self.packages {
            let binary = folder.join(binary_path(package)?);
            if !binary.is_file() {
                bail!(
                    "npm left out {}: its checksum differs from package-lock.json, or it could not be fetched; \
                     `npm ci --loglevel verbose` in {} tells more",
                    binary.display(),
                    folder.display()
                );
            }
        }
        Ok(())
    }

    fn digest(&self) -> String {
        let digest = Sha256::new().chain_update(self.manifest).chain_update([0]).chain_update(self.lock).finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Where a package's binary is for this machine, such as `node_modules/@scope/name-linux-x64/bin/name`.
fn binary_path(package: &str) -> Result<PathBuf> {
    let system = match consts::OS {
        "linux" => "linux",
        "macos" => "darwin",
        other => bail!("{package} is not published for {other}; leave its tests out with `--only`"),
    };
    let machine = match consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => bail!("{package} is not published for {other}; leave its tests out with `--only`"),
    };
    let name = package.rsplit('/').next().unwrap_or(package);
    Ok(PathBuf::from(format!("node_modules/{package}-{system}-{machine}/bin/{name}")))
}

/// Scripts are ignored: no binary needs one, and the one there is reports the install to a third party.
fn npm_ci(folder: &Path) -> Result<()> {
    let status = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--include=optional"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("`npm ci` failed, see above ({status})"),
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(
            "npm was not found, and the tests run real servers that come as npm packages: install Node.js with npm \
             (`apt-get install npm`, `brew install node`), or leave these tests out with `--only`, such as `--only engine`"
        ),
        Err(error) => Err(error).context("npm could not be started"),
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
