//! Installs with a stand-in for npm: once, whole or not at all; and what the committed lock must say.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, process, thread};

use super::{npm::binary_path, *};
use std::path::PathBuf;

/// A cache folder of its own for one test, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(env::temp_dir().join(format!("terrane-xtask-{name}-{}", process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove_folder(&self.0).ok();
    }
}

const SAMPLE: Tool = Tool {
    name: "sample",
    version: "1.0.0",
    tested_by: "any",
    files: &[("package-lock.json", "{}")],
    source: Source::Npm { packages: &["@scope/sample"] },
};

fn fill(folder: &Path) -> Result<()> {
    let binary = folder.join(binary_path("@scope/sample")?);
    fs::create_dir_all(binary.parent().context("a folder")?)?;
    Ok(fs::write(binary, "")?)
}

#[test]
fn processes_that_install_at_once_install_once() {
    let cache = Scratch::new("at-once");
    let filled = AtomicUsize::new(0);
    let install = || {
        SAMPLE.install_by(&cache.0, |folder| {
            filled.fetch_add(1, Ordering::SeqCst);
            fill(folder)
        })
    };
    thread::scope(|scope| {
        for worker in [(); 4].map(|()| scope.spawn(install)) {
            worker.join().unwrap().unwrap();
        }
    });
    assert_eq!(filled.load(Ordering::SeqCst), 1);
    assert!(cache.0.join("npm/sample-1.0.0").join(binary_path("@scope/sample").unwrap()).is_file());
}

#[test]
fn a_failed_install_is_not_taken_for_one() {
    let cache = Scratch::new("failed");
    let error = SAMPLE.install_by(&cache.0, |folder| fill(folder).and_then(|()| bail!("cut off"))).unwrap_err();
    assert_eq!(error.to_string(), "cut off");
    let error = SAMPLE.install_by(&cache.0, |_| Ok(())).unwrap_err().to_string();
    assert!(error.starts_with("npm left out "), "{error}");
    assert!(!cache.0.join("npm/sample-1.0.0").exists());
    assert!(SAMPLE.install_by(&cache.0, fill).unwrap().starts_with("now in "));
}

#[test]
fn other_checksums_replace_what_is_installed() {
    let cache = Scratch::new("replaced");
    SAMPLE.install_by(&cache.0, fill).unwrap();
    assert!(SAMPLE.install_by(&cache.0, fill).unwrap().starts_with("already in "));
    let changed = Tool { files: &[("package-lock.json", "{ }")], ..SAMPLE };
    assert!(changed.install_by(&cache.0, fill).unwrap().starts_with("now in "));
}

/// A tool's file by its name.
fn file(tool: &Tool, name: &str) -> &'static str {
    tool.files.iter().find(|(known, _)| *known == name).unwrap().1
}

#[test]
fn what_npm_installs_is_pinned_by_version_and_checksum() {
    for tool in ALL {
        let Source::Npm { packages } = tool.source else { continue };
        let lock: serde_json::Value = serde_json::from_str(file(tool, "package-lock.json")).unwrap();
        let entries = lock["packages"].as_object().unwrap();
        for package in packages {
            assert_eq!(entries[&format!("node_modules/{package}")]["version"], tool.version, "{package}");
            assert_eq!(entries[""]["dependencies"][package], tool.version, "{package}");
        }
        for (path, entry) in entries.iter().filter(|(path, _)| !path.is_empty()) {
            assert!(entry["integrity"].as_str().unwrap().starts_with("sha512-"), "{path} has no checksum");
            assert!(entry.get("resolved").is_none(), "{path} names a registry: take its `resolved` out");
        }
    }
}

#[test]
fn what_pip_installs_is_pinned_by_version_and_checksum() {
    for tool in ALL.iter().filter(|tool| matches!(tool.source, Source::Python { .. })) {
        let requirements = file(tool, "requirements.txt").replace("\\\n", " ");
        let lines = || requirements.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        assert!(lines().any(|line| line.starts_with(&format!("{}=={} ", tool.name, tool.version))), "{}", tool.name);
        for line in lines() {
            assert!(line.contains("==") && line.contains("--hash=sha256:"), "{line} is not pinned");
        }
    }
}
