//! `local:Region`: a daemon that runs a region's servers.

use crate::{
    Local,
    provider::Machine,
    spec::EndpointSpec,
    status::{ProcessState, Status},
};
use serde::{Deserialize, Serialize};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use terrane::{
    Context, Creation, Declared, Found, IntoInput, Live, Output, Problems, Progress, Recovery, Resource, Result,
};
use tokio::time::{Instant, sleep};

/// How long the servers of an agent that was started again are waited for.
const SERVERS_WITHIN: Duration = Duration::from_secs(30);
/// How long between two looks at them.
const PAUSE: Duration = Duration::from_millis(100);

/// A region on this machine: a detached agent that runs its servers, balancers and S3 endpoint, and outlives the command that started it.
#[derive(Resource, Clone, Serialize, Deserialize)]
#[resource(kind = "local:Region", provider = Local, outputs = RegionOutputs, always_read, recovery = Recovery::Key)]
pub struct Region {
    /// What the region is called: the name of its folder.
    #[input(replace, name, logical)]
    region: String,
    /// Where its S3 endpoint listens, such as `127.1.0.254:9000`; without it there is none.
    endpoint: Option<SocketAddr>,
    /// The access key of its S3 endpoint.
    #[input(default = "terrane".to_owned())]
    access_key: String,
    /// The secret of the access key.
    #[input(secret, default = "terrane-local".to_owned())]
    secret_key: String,
    /// Whether the agent runs. A program leaves it alone: it is how a plan shows that the agent has to be started again.
    #[input(default = true)]
    running: bool,
}

/// What is known of a region.
#[derive(terrane::Outputs, Debug, Clone, Serialize, Deserialize)]
pub struct RegionOutputs {
    /// What other local resources name the region by.
    #[output(stable)]
    pub reference: RegionRef,
    /// The URL of its S3 endpoint.
    pub endpoint_url: Option<String>,
}

/// Names a region to the resources in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionRef {
    name: String,
    folder: PathBuf,
}

impl RegionRef {
    /// The region's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder of its agent.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether an agent that doesn't run knows what it is to bring back when it is started again.
    pub(crate) fn is_remembered(&self) -> bool {
        self.folder.join("desired.json").exists()
    }
}

impl IntoInput<RegionRef> for &Declared<Region> {
    fn into_input(self) -> Output<RegionRef> {
        self.reference.clone()
    }
}

impl Region {
    fn outputs(&self, machine: &Machine) -> RegionOutputs {
        let reference = RegionRef { name: self.region.clone(), folder: machine.region_folder(&self.region) };
        RegionOutputs { reference, endpoint_url: self.endpoint.map(|listen| format!("http://{listen}")) }
    }

    fn endpoint_spec(&self) -> Option<EndpointSpec> {
        let (access_key, secret_key) = (self.access_key.clone(), self.secret_key.clone());
        self.endpoint.map(|listen| EndpointSpec { listen, access_key, secret_key })
    }

    async fn bring_up(&self, machine: &Machine) -> Result<RegionOutputs> {
        let outputs = self.outputs(machine);
        let endpoint = self.endpoint_spec();
        let put = async |client: &mut crate::client::Client| match endpoint {
            Some(endpoint) => client.put_endpoint(endpoint).await,
            None => client.remove_endpoint().await,
        };
        machine.call(&outputs.reference, put).await?;
        Ok(outputs)
    }

    /// These inputs, as far as the agent's status confirms them.
    fn seen(&self, status: Option<&Status>) -> Self {
        let endpoint = status.map_or(self.endpoint, |status| status.endpoint.as_ref().map(|endpoint| endpoint.listen));
        Self { endpoint, running: status.is_some(), ..self.clone() }
    }
}

impl Resource for Region {
    fn check(&self, problems: &mut Problems) {
        if let Some(fault) = terrane::urn::name_fault(&self.region) {
            problems.add("region", format!("`{}`: {fault}", self.region.escape_debug()));
        }
        if self.endpoint.is_some_and(|listen| !listen.ip().is_loopback()) {
            problems.add("endpoint", "must be a loopback address: nobody else may reach it");
        }
    }

    async fn read(machine: &Machine, was: &Live<Self>) -> Result<Option<Live<Self>>> {
        let status = machine.look(&was.outputs.reference, async |client| client.status().await).await?;
        Ok(Some(Live { inputs: was.inputs.seen(status.as_ref()), outputs: was.outputs.clone() }))
    }

    async fn create(&self, machine: &Machine, _: &Creation) -> Result<RegionOutputs> {
        self.bring_up(machine).await
    }

    async fn update(&self, machine: &Machine, _: &Live<Self>, _: &Progress) -> Result<RegionOutputs> {
        self.bring_up(machine).await
    }

    async fn delete(machine: &Machine, was: &Live<Self>, progress: &Progress) -> Result<()> {
        let folder = was.outputs.reference.folder();
        if !folder.exists() {
            return Ok(());
        }
        progress.say("stopping what runs in it");
        // An agent that was killed is started once more: only it knows which processes to stop.
        let agent = machine.take(&was.outputs.reference).await?;
        progress.permit()?;
        agent.shutdown().await?;
        progress.permit()?;
        std::fs::remove_dir_all(folder).context(format!("removing {}", folder.display()))?;
        remove_if_empty(&machine.region_folder("program"), folder.parent());
        Ok(())
    }

    /// An agent that was started again brings its servers back. One that can't start is no reason to fail: its own step may be what
    /// mends it, and comes after this one.
    async fn wait(&self, machine: &Machine, outputs: &RegionOutputs, progress: &Progress) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < SERVERS_WITHIN {
            let Some(status) = machine.look(&outputs.reference, async |client| client.status().await).await? else {
                return Ok(());
            };
            let ready = status.processes.values().filter(|process| process.state == ProcessState::Ready).count();
            if ready == status.processes.len() {
                return Ok(());
            }
            progress.say(format!("{ready} of {} servers ready", status.processes.len()));
            sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn find(&self, machine: &Machine, _: &Creation) -> Result<Found<RegionOutputs>> {
        let outputs = self.outputs(machine);
        Ok(if outputs.reference.folder().exists() { Found::Ours(outputs) } else { Found::Nothing })
    }
}

/// Removes the agents' program with the last region, and the folders that are empty then.
fn remove_if_empty(programs: &Path, root: Option<&Path>) {
    let Some(root) = root else { return };
    let others = std::fs::read_dir(root).into_iter().flatten().flatten().filter(|entry| entry.path() != programs);
    if others.count() == 0 {
        // What can't be removed now is removed with the next stack's last region; nothing depends on it.
        let _ = std::fs::remove_dir_all(programs);
        let _ = std::fs::remove_dir(root);
        let _ = root.parent().map(std::fs::remove_dir);
    }
}
