//! Packages that npm installs.

use std::env::consts;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

/// Scripts are ignored: no binary needs one, and the one there is reports the install to a third party.
pub(super) fn install(folder: &Path) -> Result<()> {
    let mut npm = Command::new("npm");
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--include=optional"]);
    super::run(&mut npm, folder, "install Node.js with npm (`apt-get install npm`, `brew install node`)")
}

/// To npm the platform's packages are optional: it leaves one out without a word when its checksum is wrong.
pub(super) fn check(folder: &Path, packages: &[&str]) -> Result<()> {
    for package in packages {
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

/// Where a package's binary is for this machine, such as `node_modules/@scope/name-linux-x64/bin/name`.
pub(super) fn binary_path(package: &str) -> Result<PathBuf> {
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
