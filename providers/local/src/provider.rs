//! The provider: where its regions live on this machine, and how their agents are reached.

use crate::{
    agent::{self, Options},
    client::Client,
    commands, home,
    resources::{Bucket, File, NpmPackage, Process, Region, RegionRef, Replication, TcpBalancer},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use terrane::{Command, Context, Error, Kinds, Provider, Result, Stack};
use tokio::sync::Mutex;

/// Regions of real servers on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Local {
    folder: PathBuf,
}

impl Local {
    /// Keeps everything in one folder, which must have a short absolute path: it holds Unix sockets.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Keeps everything below the user's data folder, or below `TERRANE_LOCAL`, under the names of project and stack.
    ///
    /// # Errors
    /// When there is no home folder and `TERRANE_LOCAL` isn't set.
    pub fn of_stack(stack: &Stack) -> Result<Self> {
        let root = home::folder("TERRANE_LOCAL", "XDG_DATA_HOME", ".local/share", "terrane/local");
        let root = root.ok_or_else(|| {
            Error::new("there is no home folder for the local platform").help("set TERRANE_LOCAL to a folder")
        })?;
        Ok(Self::in_folder(root.join(stack.project()).join(stack.name())))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Provider for Local {
    const NAME: &'static str = "local";
    const PLACE: &'static [&'static str] = &["folder"];
    // What a region's agent has been told it does at once, and doing it twice changes nothing.
    const IN_FLIGHT: Duration = Duration::ZERO;
    type Client = Machine;

    async fn connect(&self) -> Result<Machine> {
        if !self.folder.is_absolute() {
            return Err(Error::new(format!("the local platform's folder `{}` is not absolute", self.folder.display())));
        }
        Ok(Machine { folder: self.folder.clone(), agents: Mutex::default() })
    }

    fn kinds(kinds: &mut Kinds<Self>) {
        kinds.add::<Region>().add::<Process>().add::<TcpBalancer>().add::<Bucket>().add::<Replication>();
        kinds.add::<NpmPackage>().add::<File>();
    }

    fn commands() -> &'static [Command] {
        commands::ALL
    }
}

/// This machine, as the verbs of the local kinds see it.
#[derive(Debug)]
pub struct Machine {
    folder: PathBuf,
    agents: Mutex<BTreeMap<PathBuf, Agent>>,
}

type Agent = Arc<Mutex<Option<Client>>>;

impl Machine {
    /// The folder of a region's agent.
    pub(crate) fn region_folder(&self, region: &str) -> PathBuf {
        self.folder.join(region)
    }

    /// Calls a region's agent if it answers.
    pub(crate) async fn look<T>(
        &self,
        region: &RegionRef,
        call: impl AsyncFnOnce(&mut Client) -> crate::client::Result<T>,
    ) -> Result<Option<T>> {
        let agent = self.agent(region).await;
        let mut client = agent.lock().await;
        if client.is_none() {
            *client = Client::connect(region.folder()).await.ok();
        }
        let Some(connected) = client.as_mut() else { return Ok(None) };
        match call(connected).await {
            Ok(value) => Ok(Some(value)),
            Err(crate::client::Error::Broken { .. } | crate::client::Error::Unreachable { .. }) => {
                *client = None;
                Ok(None)
            }
            Err(error) => Err(refused(error)),
        }
    }

    /// Calls a region's agent, which is started if it doesn't answer.
    pub(crate) async fn call<T>(
        &self,
        region: &RegionRef,
        call: impl AsyncFnOnce(&mut Client) -> crate::client::Result<T>,
    ) -> Result<T> {
        let agent = self.agent(region).await;
        let mut client = agent.lock().await;
        let mut connected = match client.take() {
            Some(connected) => connected,
            None => self.connect(region).await?,
        };
        let result = call(&mut connected).await;
        // A connection that broke is not kept: the next call makes another.
        if !matches!(result, Err(crate::client::Error::Broken { .. })) {
            *client = Some(connected);
        }
        result.map_err(refused)
    }

    /// Forgets the connection to an agent that is about to go.
    pub(crate) async fn take(&self, region: &RegionRef) -> Result<Client> {
        let agent = self.agent(region).await;
        let connected = agent.lock().await.take();
        match connected {
            Some(connected) => Ok(connected),
            None => self.connect(region).await,
        }
    }

    async fn agent(&self, region: &RegionRef) -> Agent {
        self.agents.lock().await.entry(region.folder().to_owned()).or_default().clone()
    }

    async fn connect(&self, region: &RegionRef) -> Result<Client> {
        let programs = self.folder.join("program");
        let program = env::current_exe().context("finding this program's own file")?;
        let program = agent::snapshot_binary(&program, &programs)
            .context("keeping a copy of this program for the region's agent")?;
        let words = ["local", "_agent", region.name()].map(OsString::from);
        let command: Vec<OsString> =
            [program.into()].into_iter().chain(words).chain([region.folder().into()]).collect();
        // The agent is this program again, and evaluates it: it needs the configuration and the stack of this call.
        agent::start(region.folder(), command, terrane::environment())
            .await
            .context(format!("starting the agent of region {}", region.name()))?;
        Client::connect(region.folder()).await.context(format!("reaching the agent of region {}", region.name()))
    }
}

fn refused(error: crate::client::Error) -> Error {
    Error::from(error)
}

/// Serves as a region's agent if this process was started to be one: tools that embed a program call it first thing in `main`.
///
/// A program that calls `terrane::main` needs it not.
///
/// # Errors
/// When the agent can't serve its folder.
pub fn serve_if_asked() -> Result<Option<std::process::ExitCode>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["local", "_agent", region, folder] => serve(region, Path::new(folder)).map(Some),
        _ => Ok(None),
    }
}

pub(crate) fn serve(region: &str, folder: &Path) -> Result<std::process::ExitCode> {
    agent::serve(&Options { region: region.to_owned(), folder: folder.to_owned() })?;
    Ok(std::process::ExitCode::SUCCESS)
}
