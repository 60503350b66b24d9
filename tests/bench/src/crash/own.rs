//! Terrane itself: a provider whose create is a call of the cloud's script, and state on the disk.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Result, anyhow, ensure};
use serde::{Deserialize, Serialize};
use terrane::automation::{ApplyOptions, Ending, FileStore, Project};
use terrane::{
    Creation, Error, Found, Kinds, Live, Outputs, Progress, Provider, Resource, Result as Outcome, prelude::*,
};

use super::place::{self, Place};
use super::{CHAINS, PARALLEL, Tool};

/// Where its state is, below the folder of its program.
const STATE: &str = "state";

/// The cloud that is a folder.
#[derive(Serialize, Deserialize, Clone)]
struct Cloud {
    folder: PathBuf,
}

impl Provider for Cloud {
    const NAME: &'static str = "cloud";
    type Client = PathBuf;

    async fn connect(&self) -> Outcome<PathBuf> {
        Ok(self.folder.clone())
    }

    fn kinds(kinds: &mut Kinds<Self>) {
        kinds.add::<Object>();
    }
}

/// An object whose id the cloud gives.
#[derive(Resource, Serialize, Deserialize, Clone)]
#[resource(kind = "cloud:Object", provider = Cloud, outputs = ObjectOutputs)]
struct Object {
    name: String,
}

/// What is known of an [`Object`].
#[derive(Outputs, Serialize, Deserialize, Clone)]
struct ObjectOutputs {
    #[output(stable)]
    id: String,
}

impl Resource for Object {
    async fn read(_: &PathBuf, was: &Live<Self>) -> Outcome<Option<Live<Self>>> {
        Ok(Some(was.clone()))
    }

    async fn create(&self, cloud: &PathBuf, creation: &Creation) -> Outcome<ObjectOutputs> {
        let mut call = tokio::process::Command::new("/bin/sh");
        call.arg(cloud.join("create.sh")).args([self.name.as_str(), creation.token()]).stdin(Stdio::null());
        let output = call.output().await.map_err(|error| Error::new(error.to_string()).not_applied())?;
        if !output.status.success() {
            return Err(Error::new(format!("the call failed ({})", output.status)));
        }
        Ok(ObjectOutputs { id: String::from_utf8_lossy(&output.stdout).into_owned() })
    }

    async fn update(&self, _: &PathBuf, was: &Live<Self>, _: &Progress) -> Outcome<ObjectOutputs> {
        Ok(was.outputs.clone())
    }

    async fn delete(cloud: &PathBuf, was: &Live<Self>, _: &Progress) -> Outcome<()> {
        std::fs::remove_file(cloud.join("cloud").join(&was.outputs.id)).map_err(|error| Error::new(error.to_string()))
    }

    async fn find(&self, cloud: &PathBuf, creation: &Creation) -> Outcome<Found<ObjectOutputs>> {
        let found = place::find(cloud, creation.token()).map_err(|error| Error::new(error.to_string()))?;
        Ok(found.map_or(Found::Nothing, |id| Found::Ours(ObjectOutputs { id })))
    }
}

/// One run in a process of its own, which the cloud may kill.
#[derive(Debug, clap::Args)]
pub(crate) struct Run {
    #[arg(long)]
    resources: usize,
    /// The folder of the place
    #[arg(long)]
    folder: PathBuf,
}

impl Run {
    /// Brings the stack up.
    pub(crate) fn run(self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let stack = project(&self.folder, self.resources).stack("dev");
        let stack = stack.options(ApplyOptions { parallel: PARALLEL, ..ApplyOptions::default() });
        let report = runtime.block_on(stack.up())?;
        ensure!(report.ending == Ending::Done, "the run has failed");
        Ok(())
    }
}

fn project(folder: &Path, resources: usize) -> Project {
    let (folder, state) = (folder.to_owned(), folder.join("work").join(STATE));
    let project = Project::new("crash", move |stack| {
        let cloud = stack.provider(Cloud { folder: folder.clone() });
        let mut made: Vec<Declared<Object>> = Vec::new();
        for number in 0..resources {
            let name = format!("item-{number}");
            let object = Object::new(&name).name(&name);
            let object = match number.checked_sub(CHAINS) {
                Some(before) => object.after(&made[before]),
                None => object,
            };
            made.push(stack.add(&cloud, object));
        }
        Ok(())
    });
    project.store(Arc::new(FileStore::new(state)))
}

/// Terrane.
pub(super) struct Own;

impl Tool for Own {
    fn name(&self) -> &'static str {
        "terrane"
    }

    fn prepare(&self, _: &Place, _: usize) -> Result<()> {
        Ok(())
    }

    fn apply(&self, place: &Place, resources: usize) -> Result<Command> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["crash-run", "--resources", &resources.to_string(), "--folder"]).arg(place.folder());
        Ok(command)
    }

    fn known(&self, place: &Place) -> Result<BTreeSet<String>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let stack = project(place.folder(), 0).stack("dev");
        let state = runtime.block_on(stack.session().state())?.ok_or_else(|| anyhow!("there is no state"))?;
        let id = |values: &serde_json::Map<String, serde_json::Value>| values["id"].as_str().map(str::to_owned);
        Ok(state.live.values().filter_map(|instance| id(&instance.outputs.values)).collect())
    }

    fn repairs(&self, _: &Place) -> Result<Vec<Command>> {
        Ok(Vec::new())
    }
}
