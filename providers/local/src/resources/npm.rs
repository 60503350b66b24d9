//! `local:NpmPackage`: a pinned package in the cache folder, installed by the ordinary client.

use crate::{Local, home, provider::Machine};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};
use terrane::{Context, Creation, Error, Found, Live, Problems, Progress, Recovery, Resource, Result};
use tokio::process::Command;

/// A program from the npm registry at one version. Several stacks share an install; deleting the resource leaves it in the cache.
#[derive(Resource, Debug, Clone, Serialize, Deserialize)]
#[resource(kind = "local:NpmPackage", provider = Local, outputs = NpmPackageOutputs, always_read, recovery = Recovery::Returns)]
pub struct NpmPackage {
    /// The package, such as `@restatedev/restatectl`.
    #[input(replace)]
    package: String,
    /// The exact version.
    #[input(replace)]
    version: String,
    /// The program in it, such as `restatectl`.
    #[input(replace)]
    program: String,
}

/// What is known of an installed package.
#[derive(terrane::Outputs, Debug, Clone, Serialize, Deserialize)]
pub struct NpmPackageOutputs {
    /// The path of the program.
    pub path: PathBuf,
}

/// The folder of installed packages: `TERRANE_CACHE`, or the user's cache folder.
fn cache() -> Result<PathBuf> {
    let cache = home::folder("TERRANE_CACHE", "XDG_CACHE_HOME", ".cache", "terrane");
    let cache = cache.ok_or_else(|| Error::new("there is no cache folder").help("set TERRANE_CACHE to a folder"))?;
    Ok(cache.join("npm"))
}

impl NpmPackage {
    fn folder_name(&self) -> String {
        format!("{}-{}", self.package.trim_start_matches('@').replace('/', "-"), self.version)
    }

    /// The program in an install that has exactly this version, whoever made it.
    fn installed(&self) -> Result<Option<PathBuf>> {
        let cache = cache()?;
        let own = cache.join(self.folder_name());
        let others = fs::read_dir(&cache).into_iter().flatten().flatten().map(|entry| entry.path());
        Ok([own].into_iter().chain(others).find_map(|folder| self.program_in(&folder.join("node_modules"))))
    }

    fn program_in(&self, modules: &Path) -> Option<PathBuf> {
        let manifest = fs::read(modules.join(&self.package).join("package.json")).ok()?;
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).ok()?;
        if manifest.get("version")? != self.version.as_str() {
            return None;
        }
        // Packages of native programs keep the binary in a package a platform; others have a script.
        let os = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
        let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
        let native = modules.join(format!("{}-{os}-{arch}/bin/{}", self.package, self.program));
        let script = modules.join(".bin").join(&self.program);
        [native, script].into_iter().find(|path| path.is_file())
    }

    async fn install(&self, progress: &Progress) -> Result<NpmPackageOutputs> {
        if let Some(path) = self.installed()? {
            return Ok(NpmPackageOutputs { path });
        }
        let cache = cache()?;
        let folder = cache.join(self.folder_name());
        let fresh = cache.join(format!(".{}-{}", self.folder_name(), std::process::id()));
        fs::create_dir_all(&fresh).context(format!("making {}", fresh.display()))?;
        progress.say(format!("installing {} {}", self.package, self.version));
        let result = self.npm(&fresh).await;
        let placed = result.and_then(|()| {
            let _ = fs::remove_dir_all(&folder);
            fs::rename(&fresh, &folder).context(format!("moving the install to {}", folder.display()))
        });
        if placed.is_err() {
            let _ = fs::remove_dir_all(&fresh);
        }
        placed?;
        let path = self.installed()?.ok_or_else(|| self.lacks())?;
        Ok(NpmPackageOutputs { path })
    }

    async fn npm(&self, folder: &Path) -> Result<()> {
        let wanted = format!("{}@{}", self.package, self.version);
        let mut npm = Command::new("npm");
        terrane::without_secrets(npm.as_std_mut());
        npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--prefix"])
            .arg(folder)
            .arg(&wanted);
        let output = npm.stdin(Stdio::null()).kill_on_drop(true).output().await.map_err(|error| {
            Error::from(error)
                .context("running npm")
                .help("install Node.js, which brings npm, or put it into PATH")
                .not_applied()
        })?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(Error::new(format!("npm could not install {wanted}: {text}")).not_applied())
    }

    fn lacks(&self) -> Error {
        Error::new(format!("{} {} has no program `{}` for this machine", self.package, self.version, self.program))
            .not_applied()
    }
}

impl Resource for NpmPackage {
    fn check(&self, problems: &mut Problems) {
        let exact = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
        if !self.version.starts_with(|c: char| c.is_ascii_digit()) || !self.version.chars().all(exact) {
            problems.add("version", format!("must be an exact version such as 1.7.12, not `{}`", self.version));
        }
    }

    async fn read(_: &Machine, was: &Live<Self>) -> Result<Option<Live<Self>>> {
        let path = was.inputs.installed()?;
        Ok(path.map(|path| Live { inputs: was.inputs.clone(), outputs: NpmPackageOutputs { path } }))
    }

    async fn create(&self, _: &Machine, creation: &Creation) -> Result<NpmPackageOutputs> {
        self.install(creation.progress()).await
    }

    async fn update(&self, _: &Machine, _: &Live<Self>, progress: &Progress) -> Result<NpmPackageOutputs> {
        self.install(progress).await
    }

    async fn delete(_: &Machine, _: &Live<Self>, _: &Progress) -> Result<()> {
        Ok(())
    }

    async fn find(&self, _: &Machine, _: &Creation) -> Result<Found<NpmPackageOutputs>> {
        Ok(self.installed()?.map_or(Found::Nothing, |path| Found::Ours(NpmPackageOutputs { path })))
    }
}
