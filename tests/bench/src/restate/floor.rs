//! The same cluster started by hand: what the servers themselves take, which nothing that starts them can undercut.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use terrane_local::client::Client;
use terrane_local::spec::ProcessSpec;
use terrane_restate::ctl::Restatectl;
use terrane_restate::health::Health;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use super::blueprint::{Blueprint, Cluster, Region};
use super::place::start_agent;

/// Between two attempts to provision, as the cluster's resource pauses.
const PROVISION_PAUSE: Duration = Duration::from_millis(100);
/// Between two looks at a cluster, as its resource pauses.
const LOOK_PAUSE: Duration = Duration::from_millis(200);
/// How long the cluster may take.
const HEALTHY_WITHIN: Duration = Duration::from_secs(300);

/// Starts everything; gives the seconds from the first server's start to a healthy cluster. The servers end with this.
pub(super) async fn measure(blueprint: &Blueprint) -> Result<f64> {
    for (folder, region) in &blueprint.regions {
        cloud(folder, region).await?;
    }
    for (folder, region) in &blueprint.regions {
        let mut client = Client::connect(folder).await?;
        for (name, bucket) in &region.buckets {
            client.put_bucket(name, bucket.clone()).await?;
        }
    }
    let mut servers = Vec::new();
    for (folder, region) in &blueprint.regions {
        for (name, spec) in &region.processes {
            servers.push(prepare(&folder.join("processes").join(name), spec)?);
        }
    }
    let began = Instant::now();
    let servers = servers.iter_mut().map(Command::spawn).collect::<Result<Vec<_>, _>>().context("starting a server")?;
    let healthy = tokio::time::timeout(HEALTHY_WITHIN, until_healthy(&blueprint.cluster)).await;
    let seconds = began.elapsed().as_secs_f64();
    end(servers).await?;
    healthy.with_context(|| format!("the cluster was not healthy after {} s", HEALTHY_WITHIN.as_secs()))??;
    Ok(seconds)
}

/// What stands in for a cloud: the region's agent with its S3 endpoint, buckets and balancers. Not part of the time.
async fn cloud(folder: &Path, region: &Region) -> Result<()> {
    start_agent(folder).await?;
    let mut client = Client::connect(folder).await?;
    client.put_endpoint(region.endpoint.clone()).await?;
    for name in region.buckets.keys() {
        // Its rules follow when the buckets of the other regions are there too.
        client.put_bucket(name, Default::default()).await?;
    }
    for (name, balancer) in &region.balancers {
        client.put_balancer(name, balancer.clone()).await?;
    }
    Ok(())
}

/// A server with its files, in the folder in which its agent would run it; all that is left is to spawn it.
fn prepare(folder: &Path, spec: &ProcessSpec) -> Result<Command> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    for (name, content) in &spec.files {
        fs::write(folder.join(name), content).with_context(|| format!("writing {name}"))?;
    }
    let log = File::create(folder.join("server.log"))?;
    let mut command = Command::new(&spec.program);
    command.args(&spec.arguments).envs(&spec.environment).current_dir(folder);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
    Ok(command)
}

/// Provisions the cluster on its first node, then looks at it until nothing is missing.
async fn until_healthy(cluster: &Cluster) -> Result<()> {
    let Some(first) = cluster.addresses.first() else { bail!("the cluster has no nodes") };
    let ctl = Restatectl::new(&cluster.restatectl, first);
    while ctl.provision(cluster.replication, Some(cluster.partitions)).await.is_err() {
        sleep(PROVISION_PAUSE).await;
    }
    let expected = cluster.expected();
    loop {
        match ctl.tables().await {
            Ok(tables) if Health::of(&tables, &expected).healthy => return Ok(()),
            _ => sleep(LOOK_PAUSE).await,
        }
    }
}

async fn end(mut servers: Vec<Child>) -> Result<()> {
    for server in &mut servers {
        server.kill().await.context("ending a server")?;
    }
    Ok(())
}
