//! A folder in which one tool makes its objects: the cloud, which is a folder of files, and the script that its calls are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// How long calls may go on whose caller was killed.
const QUIET_LIMIT: Duration = Duration::from_secs(10);

/// At which call the tool is killed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kill {
    /// The object doesn't exist yet.
    Before(usize),
    /// It exists, and the tool hasn't heard of it.
    After(usize),
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before(call) => write!(f, "before {call}"),
            Self::After(call) => write!(f, "after {call}"),
        }
    }
}

/// The folder.
pub(super) struct Place {
    folder: PathBuf,
}

/// An object of the cloud.
struct Object {
    /// The cloud's own name for it.
    id: String,
    /// What its maker has attached to it.
    tag: String,
}

/// What a cloud looks like after a crash and what an operator does then.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Damage {
    /// Objects that the tool doesn't know of.
    pub(super) orphans: usize,
    /// Objects beyond the first of a name.
    pub(super) duplicates: usize,
}

impl Place {
    /// Makes the folder, without an object.
    pub(super) fn new(folder: PathBuf) -> Result<Self> {
        for name in ["cloud", "busy", "calls", "work"] {
            fs::create_dir_all(folder.join(name)).with_context(|| format!("making {}", folder.display()))?;
        }
        fs::write(folder.join("create.sh"), include_str!("create.sh"))?;
        Ok(Self { folder })
    }

    /// The folder itself.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the tool has its program and state.
    pub(super) fn work(&self) -> PathBuf {
        self.folder.join("work")
    }

    /// The script that creates an object.
    pub(super) fn script(&self) -> PathBuf {
        self.folder.join("create.sh")
    }

    /// Lets a command's calls come here, and kills it at one of them.
    pub(super) fn lead(&self, command: &mut Command, kill: Option<Kill>) {
        command.current_dir(self.work()).env("PLACE", &self.folder);
        command.env("KILL", kill.map_or_else(|| "never".to_owned(), |kill| kill.to_string()));
    }

    /// Waits until no call goes on.
    pub(super) fn quiet(&self) -> Result<()> {
        let began = Instant::now();
        while fs::read_dir(self.folder.join("busy"))?.next().is_some() {
            ensure!(began.elapsed() < QUIET_LIMIT, "calls go on in {}", self.folder.display());
            sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// What is wrong, when the tool knows these ids and tags.
    pub(super) fn damage(&self, known: &BTreeSet<String>) -> Result<Damage> {
        let objects = objects(&self.folder)?;
        let orphans =
            objects.iter().filter(|object| !known.contains(&object.id) && !known.contains(&object.tag)).count();
        let mut names = BTreeMap::<&str, usize>::new();
        for object in &objects {
            *names.entry(object.id.split('.').next().unwrap_or_default()).or_default() += 1;
        }
        Ok(Damage { orphans, duplicates: names.values().map(|count| count - 1).sum() })
    }
}

/// The id of the object with a tag, below the folder of a place.
pub(super) fn find(folder: &Path, tag: &str) -> Result<Option<String>> {
    Ok(objects(folder)?.into_iter().find(|object| object.tag == tag).map(|object| object.id))
}

fn objects(folder: &Path) -> Result<Vec<Object>> {
    let mut objects = Vec::new();
    for entry in fs::read_dir(folder.join("cloud"))? {
        let entry = entry?;
        let tag = fs::read_to_string(entry.path())?.trim().to_owned();
        objects.push(Object { id: entry.file_name().to_string_lossy().into_owned(), tag });
    }
    Ok(objects)
}
