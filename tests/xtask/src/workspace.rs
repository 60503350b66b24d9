//! The workspace as cargo describes it: which crates there are, in which folders, and which needs which.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The crates of the workspace.
pub(crate) struct Workspace {
    /// The folder of the workspace's own manifest.
    pub(crate) root: PathBuf,
    packages: BTreeMap<String, Package>,
}

struct Package {
    /// The folders from the root to the crate: `sdk`, `engine`.
    folders: Vec<String>,
    /// Names of all crates it needs, those for its tests too.
    dependencies: Vec<String>,
}

/// The cargo that runs this program, so that a toolchain chosen by `cargo +name xtask` stays chosen.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

impl Workspace {
    /// Asks cargo about the workspace around the working folder.
    pub(crate) fn load() -> Result<Self> {
        let output = cargo()
            .args(["metadata", "--format-version", "1", "--no-deps"])
            .stderr(Stdio::inherit())
            .output()
            .context("cargo could not be started")?;
        if !output.status.success() {
            bail!("`cargo metadata` failed, see above ({})", output.status);
        }
        let metadata = serde_json::from_slice(&output.stdout).context("reading the output of `cargo metadata`")?;
        Self::from_metadata(&metadata)
    }

    fn from_metadata(metadata: &Value) -> Result<Self> {
        let root = PathBuf::from(text(metadata, "workspace_root")?);
        let mut packages = BTreeMap::new();
        for package in array(metadata, "packages")? {
            let manifest = PathBuf::from(text(package, "manifest_path")?);
            let inside = manifest.parent().and_then(|folder| folder.strip_prefix(&root).ok());
            let folders = inside.into_iter().flatten().map(|folder| folder.to_string_lossy().into_owned()).collect();
            let dependencies = array(package, "dependencies")?;
            let dependencies = dependencies.iter().map(|dependency| text(dependency, "name").map(str::to_owned));
            let dependencies = dependencies.collect::<Result<_>>()?;
            packages.insert(text(package, "name")?.to_owned(), Package { folders, dependencies });
        }
        Ok(Self { root, packages })
    }

    /// The crates whose name, or a folder above them, is one of `names`; all of them if there are no names.
    pub(crate) fn select(&self, names: &[String]) -> Result<BTreeSet<String>> {
        let matching = |name: &String| {
            let found =
                self.packages.iter().filter(move |(full, package)| *full == name || package.folders.contains(name));
            found.map(|(full, _)| full.clone()).collect::<BTreeSet<_>>()
        };
        if let Some(unknown) = names.iter().find(|name| matching(name).is_empty()) {
            let known = self.packages.keys().map(String::as_str).chain(self.folder_names()).collect::<BTreeSet<_>>();
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            bail!("no crate or folder is named `{unknown}`; there are: {known}");
        }
        if names.is_empty() {
            return Ok(self.packages.keys().cloned().collect());
        }
        Ok(names.iter().flat_map(matching).collect())
    }

    /// Whether one of `packages` is `wanted` or needs it, directly or through others of the workspace.
    pub(crate) fn depends_on(&self, packages: &BTreeSet<String>, wanted: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut waiting = packages.iter().map(String::as_str).collect::<Vec<_>>();
        while let Some(name) = waiting.pop() {
            if let Some(package) = self.packages.get(name)
                && seen.insert(name)
            {
                waiting.extend(package.dependencies.iter().map(String::as_str));
            }
        }
        seen.contains(wanted)
    }

    fn folder_names(&self) -> impl Iterator<Item = &str> {
        self.packages.values().flat_map(|package| package.folders.iter().map(String::as_str))
    }
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key].as_str().with_context(|| format!("`cargo metadata` gives no text for `{key}`"))
}

fn array<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    value[key].as_array().with_context(|| format!("`cargo metadata` gives no list for `{key}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> Workspace {
        let package = |name: &str, folder: &str, dependencies: &[&str]| {
            let dependencies = dependencies.iter().map(|name| serde_json::json!({ "name": name })).collect::<Vec<_>>();
            serde_json::json!({ "name": name, "manifest_path": format!("/w/{folder}/Cargo.toml"), "dependencies": dependencies })
        };
        let packages = [
            package("terrane-engine", "sdk/engine", &["serde"]),
            package("terrane-restate", "providers/restate", &["terrane-engine"]),
            package("two-region", "examples/two-region", &["terrane-restate"]),
        ];
        Workspace::from_metadata(&serde_json::json!({ "workspace_root": "/w", "packages": packages })).unwrap()
    }

    #[test]
    fn crates_are_found_by_name_and_by_folder() {
        let select = |names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            workspace().select(&names).map(|found| found.into_iter().collect::<Vec<_>>())
        };
        assert_eq!(select(&["engine"]).unwrap(), ["terrane-engine"]);
        assert_eq!(select(&["examples", "terrane-engine"]).unwrap(), ["terrane-engine", "two-region"]);
        assert_eq!(select(&[]).unwrap().len(), 3);
        let error = select(&["engine", "engin"]).unwrap_err().to_string();
        assert!(error.contains("`engin`; there are: engine, examples"), "{error}");
    }

    #[test]
    fn what_a_crate_needs_is_followed_through_others() {
        let one = |name: &str| BTreeSet::from([name.to_owned()]);
        assert!(workspace().depends_on(&one("two-region"), "terrane-engine"));
        assert!(workspace().depends_on(&one("terrane-restate"), "terrane-restate"));
        assert!(!workspace().depends_on(&one("terrane-engine"), "terrane-restate"));
    }
}
