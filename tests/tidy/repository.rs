//! What the checks look at: the repository's files and its crates, read once from disk or given as a sample.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fmt::{self, Display, Formatter};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::lexer::{Lexed, lex};

/// The project's own text files and the crates they make.
pub(crate) struct Repository {
    /// By path from the root, with `/` between folders.
    pub(crate) files: BTreeMap<String, File>,
    pub(crate) packages: Vec<Package>,
}

/// A text file.
pub(crate) struct File {
    pub(crate) text: String,
    /// Present on Rust source.
    pub(crate) rust: Option<Lexed>,
}

/// A crate of the workspace.
pub(crate) struct Package {
    pub(crate) name: String,
    /// Its folder, from the root.
    pub(crate) folder: String,
    pub(crate) targets: Vec<Target>,
}

/// What cargo builds from one root file.
pub(crate) struct Target {
    pub(crate) kind: String,
    /// Its root file, from the repository's root.
    pub(crate) path: String,
}

/// Something that doesn't hold, and where.
#[derive(Debug)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl Finding {
    /// `line` counts from 1.
    pub(crate) fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

impl Display for Finding {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.message)
    }
}

impl Repository {
    /// Reads the files that belong to the project, committed or not yet, and asks cargo for the crates.
    pub(crate) fn load() -> Result<Self, Box<dyn Error>> {
        // Asked at run time: the binary may have been built in another checkout that shares the target folder.
        let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..");
        let paths = listed_by_git(&root).map_or_else(|| walk(&root, ""), Ok)?;
        let mut files = BTreeMap::new();
        for path in paths {
            // A path that git still lists may be gone; a file that is not text has nothing to check.
            if let Ok(text) = fs::read_to_string(root.join(&path)) {
                files.insert(path.clone(), File::new(&path, text));
            }
        }
        Ok(Self { files, packages: packages(&root)? })
    }

    /// A repository made of the given texts by path, without crates.
    pub(crate) fn sample(texts: &[(&str, &str)]) -> Self {
        let file = |&(path, text): &(&str, &str)| (path.to_owned(), File::new(path, text.to_owned()));
        Self { files: texts.iter().map(file).collect(), packages: Vec::new() }
    }

    /// The Rust files: path, text, and the same in lexed form.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&str, &str, &Lexed)> {
        self.files.iter().filter_map(|(path, file)| Some((path.as_str(), file.text.as_str(), file.rust.as_ref()?)))
    }
}

impl File {
    fn new(path: &str, text: String) -> Self {
        let rust = path.ends_with(".rs").then(|| lex(&text));
        Self { text, rust }
    }
}

/// Nothing if git is missing or the sources came without their history.
fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(arguments).current_dir(root).output().ok()?;
    let listing = output.status.success().then(|| String::from_utf8(output.stdout).ok())??;
    Some(listing.split_terminator('\0').map(str::to_owned).collect())
}

/// All files below `folder`, but for cargo's and git's own folders.
fn walk(root: &Path, folder: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        if !entry.file_type()?.is_dir() {
            paths.push(path);
        } else if !matches!(name.as_str(), "target" | ".git" | "node_modules") {
            paths.extend(walk(root, &path)?);
        }
    }
    Ok(paths)
}

fn packages(root: &Path) -> Result<Vec<Package>, Box<dyn Error>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["metadata", "--format-version", "1", "--no-deps"];
    let output = Command::new(cargo).args(arguments).current_dir(root).output()?;
    if !output.status.success() {
        return Err(format!("`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    // Cargo's own spelling of the root: the paths to come begin with it, through symbolic links or not.
    let root = Path::new(metadata["workspace_root"].as_str().ok_or("`cargo metadata` names no root")?);
    let packages = metadata["packages"].as_array().ok_or("`cargo metadata` names no packages")?;
    packages.iter().map(|package| Package::from_metadata(root, package)).collect()
}

impl Package {
    fn from_metadata(root: &Path, package: &Value) -> Result<Self, Box<dyn Error>> {
        let inside = |path: &Value| {
            let path = Path::new(path.as_str()?).strip_prefix(root).ok()?;
            Some(path.to_string_lossy().into_owned())
        };
        let target = |target: &Value| {
            let kind = target["kind"][0].as_str()?.to_owned();
            Some(Target { kind, path: inside(&target["src_path"])? })
        };
        let manifest = inside(&package["manifest_path"]).ok_or("a crate lies outside of the repository")?;
        Ok(Self {
            name: package["name"].as_str().ok_or("a crate has no name")?.to_owned(),
            folder: manifest.trim_end_matches("Cargo.toml").trim_end_matches('/').to_owned(),
            targets: package["targets"].as_array().into_iter().flatten().filter_map(target).collect(),
        })
    }
}

#[test]
fn a_walk_finds_what_git_lists() {
    let root = env::temp_dir().join(format!("terrane-tidy-walk-{}", std::process::id()));
    fs::create_dir_all(root.join("a/target")).unwrap();
    fs::create_dir_all(root.join("a/b")).unwrap();
    for path in ["a/target/c", "a/b/c", "d"] {
        fs::write(root.join(path), "").unwrap();
    }
    let found = walk(&root, "").map(|mut paths| {
        paths.sort();
        paths
    });
    fs::remove_dir_all(&root).unwrap();
    assert_eq!(found.unwrap(), ["a/b/c", "d"]);
}
