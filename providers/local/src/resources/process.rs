//! `local:Process`: a supervised server.

use super::RegionRef;
use crate::{
    Local,
    provider::Machine,
    spec::{Data, Limits, ProcessSpec, Readiness},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use terrane::{Creation, Error, Found, Live, Problems, Progress, Recovery, Resource, Result};

/// How long a server may take to become ready, if its resource sets no other limit.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// A server that a region's agent starts, watches, and starts again when it dies.
#[derive(Resource, Clone, Serialize, Deserialize)]
#[resource(kind = "local:Process", provider = Local, outputs = ProcessOutputs, always_read, delete_first, recovery = Recovery::Key)]
pub struct Process {
    /// The region that it runs in.
    #[input(replace)]
    region: RegionRef,
    /// What the agent calls it, unique in its region.
    #[input(replace, name, logical)]
    process: String,
    /// The program: a path, or a name to be found in `PATH`.
    program: String,
    /// Its arguments.
    #[input(default = Vec::new())]
    arguments: Vec<String>,
    /// Environment variables.
    #[input(default = BTreeMap::new())]
    environment: BTreeMap<String, String>,
    /// Environment variables that must not be shown, nor stored in the clear in state. The region's agent keeps them in its own folder,
    /// for its owner only.
    #[input(secret, default = BTreeMap::new())]
    secret_environment: BTreeMap<String, String>,
    /// Files in the process's own folder, written before each start for its owner only: name and content.
    #[input(default = BTreeMap::new())]
    files: BTreeMap<String, String>,
    /// The addresses it will listen on: looked at before each start, so that a port in use names its holder.
    #[input(default = Vec::new())]
    addresses: Vec<SocketAddr>,
    /// When it counts as ready.
    #[input(default = Readiness::Started)]
    readiness: Readiness,
    /// How long a graceful stop may take, in milliseconds, before it is killed.
    #[input(default = 10_000)]
    stop_limit_ms: u64,
    /// What it may use.
    #[input(default = Limits::default())]
    limits: Limits,
    /// Whether the agent has it. A program leaves it alone: it is how a plan shows that the process has to be put back.
    #[input(default = true)]
    present: bool,
}

/// What is known of a process.
#[derive(terrane::Outputs, Debug, Clone, Serialize, Deserialize)]
pub struct ProcessOutputs {
    /// Its own folder.
    #[output(stable)]
    pub folder: PathBuf,
    /// The addresses it listens on.
    pub addresses: Vec<SocketAddr>,
}

impl Process {
    fn spec(&self) -> ProcessSpec {
        let mut environment = self.environment.clone();
        environment.extend(self.secret_environment.clone());
        ProcessSpec {
            arguments: self.arguments.clone(),
            environment,
            files: self.files.clone(),
            addresses: self.addresses.clone(),
            readiness: self.readiness.clone(),
            stop_limit_ms: self.stop_limit_ms,
            limits: self.limits.clone(),
            ..ProcessSpec::new(self.program.clone())
        }
    }

    /// Refuses a program that is not there, rather than waiting for it to start.
    fn check_program(&self) -> Result<()> {
        let named = Path::new(&self.program);
        let found = if named.components().count() > 1 {
            named.is_file()
        } else {
            let own = self.environment.get("PATH").map(OsString::from);
            let folders = own.or_else(|| env::var_os("PATH")).unwrap_or_default();
            env::split_paths(&folders).any(|folder| folder.join(named).is_file())
        };
        if found {
            return Ok(());
        }
        Err(Error::new(format!("there is no program `{}`", self.program))
            .help("install it and see that PATH leads to it, or give its absolute path")
            .not_applied())
    }

    async fn put(&self, machine: &Machine) -> Result<ProcessOutputs> {
        self.check_program()?;
        let (name, spec) = (self.process.clone(), self.spec());
        let put = async |client: &mut crate::client::Client| {
            client.put_process(&name, spec).await?;
            Ok(client.process_folder(&name))
        };
        let folder = machine.call(&self.region, put).await?;
        Ok(ProcessOutputs { folder, addresses: self.addresses.clone() })
    }

    async fn is_present(&self, machine: &Machine) -> Result<Option<bool>> {
        let status = machine.look(&self.region, async |client| client.status().await).await?;
        Ok(status.map(|status| status.processes.contains_key(&self.process)))
    }
}

impl Resource for Process {
    fn check(&self, problems: &mut Problems) {
        for (index, address) in self.addresses.iter().enumerate() {
            if !address.ip().is_loopback() {
                problems.add(format!("addresses[{index}]"), format!("must be a loopback address, not {address}"));
            }
        }
        if self.program.is_empty() {
            problems.add("program", "must not be empty");
        }
    }

    async fn read(machine: &Machine, was: &Live<Self>) -> Result<Option<Live<Self>>> {
        // Without an agent there is nothing to see; the region's own step brings both back, if the agent's folder is still there.
        let remembered = || was.inputs.region.is_remembered();
        let present = was.inputs.is_present(machine).await?.unwrap_or_else(remembered);
        Ok(Some(Live { inputs: Self { present, ..was.inputs.clone() }, outputs: was.outputs.clone() }))
    }

    async fn create(&self, machine: &Machine, _: &Creation) -> Result<ProcessOutputs> {
        self.put(machine).await
    }

    async fn update(&self, machine: &Machine, _: &Live<Self>, progress: &Progress) -> Result<ProcessOutputs> {
        progress.say("stopping");
        self.put(machine).await
    }

    async fn delete(machine: &Machine, was: &Live<Self>, progress: &Progress) -> Result<()> {
        if !was.inputs.region.folder().exists() {
            return Ok(());
        }
        progress.say("stopping");
        let name = was.inputs.process.clone();
        machine.call(&was.inputs.region, async |client| client.remove_process(&name, Data::Deleted).await).await?;
        Ok(())
    }

    async fn wait(&self, machine: &Machine, _: &ProcessOutputs, progress: &Progress) -> Result<()> {
        // A connection of its own: others must not wait until this process is ready.
        let mut client = crate::client::Client::connect(self.region.folder()).await?;
        machine.look(&self.region, async |_| Ok(())).await?;
        Ok(client.wait_ready(&self.process, READY_WITHIN, |text| progress.say(text)).await?)
    }

    async fn find(&self, machine: &Machine, _: &Creation) -> Result<Found<ProcessOutputs>> {
        let folder = self.region.folder().join("processes").join(&self.process);
        Ok(match self.is_present(machine).await? {
            Some(true) => Found::Ours(ProcessOutputs { folder, addresses: self.addresses.clone() }),
            // Without an agent the create starts it, and putting the same process twice changes nothing.
            Some(false) | None => Found::Nothing,
        })
    }
}
