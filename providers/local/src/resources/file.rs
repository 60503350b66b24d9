//! `local:File`: a file with a content.

use crate::{Local, provider::Machine};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use terrane::{Context, Creation, Found, Live, Problems, Progress, Recovery, Resource, Result};

/// A text file. Its folder is made if it isn't there.
#[derive(Resource, Debug, Clone, Serialize, Deserialize)]
#[resource(kind = "local:File", provider = Local, outputs = FileOutputs, always_read, recovery = Recovery::Returns)]
pub struct File {
    /// The absolute path.
    #[input(replace, name)]
    path: PathBuf,
    /// What stands in it.
    content: String,
    /// Its permissions, such as `0o600`.
    #[input(default = 0o644)]
    mode: u32,
}

/// What is known of a file.
#[derive(terrane::Outputs, Debug, Clone, Serialize, Deserialize)]
pub struct FileOutputs {
    /// The absolute path.
    #[output(stable)]
    pub path: PathBuf,
}

impl File {
    /// Writes the whole file at once: a reader sees the old or the new content.
    fn write(&self) -> Result<FileOutputs> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder).context(format!("making {}", folder.display()))?;
        let temporary = temporary(&self.path);
        let write = || {
            let mut options = fs::OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(self.mode).open(&temporary)?;
            file.set_permissions(fs::Permissions::from_mode(self.mode))?;
            file.write_all(self.content.as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, &self.path)
        };
        let written = write();
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written.context(format!("writing {}", self.path.display()))?;
        Ok(FileOutputs { path: self.path.clone() })
    }
}

impl Resource for File {
    fn check(&self, problems: &mut Problems) {
        if !self.path.is_absolute() {
            problems.add("path", format!("must be absolute, not `{}`", self.path.display()));
        }
        if self.mode > 0o777 {
            problems.add("mode", format!("must be between 0o000 and 0o777, not {:#o}", self.mode));
        }
    }

    async fn read(_: &Machine, was: &Live<Self>) -> Result<Option<Live<Self>>> {
        seen(was)
    }

    async fn create(&self, _: &Machine, _: &Creation) -> Result<FileOutputs> {
        self.write()
    }

    async fn update(&self, _: &Machine, _: &Live<Self>, _: &Progress) -> Result<FileOutputs> {
        self.write()
    }

    async fn delete(_: &Machine, was: &Live<Self>, _: &Progress) -> Result<()> {
        // What a killed process may have left.
        let _ = fs::remove_file(temporary(&was.inputs.path));
        match fs::remove_file(&was.inputs.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).context(format!("removing {}", was.inputs.path.display()))
            }
            _ => Ok(()),
        }
    }

    async fn find(&self, _: &Machine, _: &Creation) -> Result<Found<FileOutputs>> {
        // Writing the same content again changes nothing.
        Ok(Found::Nothing)
    }

    async fn import(_: &Machine, id: &str) -> Result<Option<Live<Self>>> {
        let path = PathBuf::from(id);
        let (inputs, outputs) = (Self { path: path.clone(), content: String::new(), mode: 0 }, FileOutputs { path });
        seen(&Live { inputs, outputs })
    }
}

/// Where a content is written before it takes the file's place.
fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".terrane-new");
    path.with_file_name(name)
}

/// The file as it stands.
fn seen(was: &Live<File>) -> Result<Option<Live<File>>> {
    let path = &was.inputs.path;
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context(format!("reading {}", path.display())),
    };
    let mode = fs::metadata(path).context(format!("looking at {}", path.display()))?.permissions().mode() & 0o777;
    let inputs = File { content: String::from_utf8_lossy(&bytes).into_owned(), mode, ..was.inputs.clone() };
    Ok(Some(Live { inputs, outputs: was.outputs.clone() }))
}
