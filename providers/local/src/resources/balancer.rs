//! `local:TcpBalancer`: a TCP pass-through, the stand-in for a cloud's network load balancer.

use super::RegionRef;
use crate::{Local, provider::Machine, spec::BalancerSpec};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use terrane::{Creation, Found, Live, Problems, Progress, Recovery, Resource, Result};

/// A TCP pass-through whose connections can be counted, delayed and cut.
#[derive(Resource, Debug, Clone, Serialize, Deserialize)]
#[resource(kind = "local:TcpBalancer", provider = Local, outputs = TcpBalancerOutputs, always_read, delete_first, recovery = Recovery::Key)]
pub struct TcpBalancer {
    /// The region that it stands in.
    #[input(replace)]
    region: RegionRef,
    /// What the agent calls it, unique in its region.
    #[input(replace, name, logical)]
    balancer: String,
    /// Where it listens.
    listen: SocketAddr,
    /// Where each connection goes.
    target: SocketAddr,
}

/// What is known of a balancer.
#[derive(terrane::Outputs, Debug, Clone, Serialize, Deserialize)]
pub struct TcpBalancerOutputs {
    /// Where it listens.
    pub address: SocketAddr,
}

impl TcpBalancer {
    async fn put(&self, machine: &Machine) -> Result<TcpBalancerOutputs> {
        let (name, spec) = (self.balancer.clone(), BalancerSpec { listen: self.listen, target: self.target });
        machine.call(&self.region, async |client| client.put_balancer(&name, spec).await).await?;
        Ok(TcpBalancerOutputs { address: self.listen })
    }
}

impl Resource for TcpBalancer {
    fn check(&self, problems: &mut Problems) {
        for (path, address) in [("listen", self.listen), ("target", self.target)] {
            if !address.ip().is_loopback() {
                problems.add(path, format!("must be a loopback address, not {address}"));
            }
        }
    }

    async fn read(machine: &Machine, was: &Live<Self>) -> Result<Option<Live<Self>>> {
        let status = machine.look(&was.inputs.region, async |client| client.status().await).await?;
        let seen = match status {
            None => was.inputs.region.is_remembered().then(|| was.inputs.clone()),
            Some(status) => status.balancers.get(&was.inputs.balancer).map(|seen| Self {
                listen: seen.listen,
                target: seen.target,
                ..was.inputs.clone()
            }),
        };
        Ok(seen.map(|inputs| Live { inputs, outputs: was.outputs.clone() }))
    }

    async fn create(&self, machine: &Machine, _: &Creation) -> Result<TcpBalancerOutputs> {
        self.put(machine).await
    }

    async fn update(&self, machine: &Machine, _: &Live<Self>, _: &Progress) -> Result<TcpBalancerOutputs> {
        self.put(machine).await
    }

    async fn delete(machine: &Machine, was: &Live<Self>, _: &Progress) -> Result<()> {
        if was.inputs.region.folder().exists() {
            let name = was.inputs.balancer.clone();
            machine.call(&was.inputs.region, async |client| client.remove_balancer(&name).await).await?;
        }
        Ok(())
    }

    async fn find(&self, machine: &Machine, _: &Creation) -> Result<Found<TcpBalancerOutputs>> {
        let status = machine.look(&self.region, async |client| client.status().await).await?;
        let there = status.is_some_and(|status| status.balancers.contains_key(&self.balancer));
        Ok(if there { Found::Ours(TcpBalancerOutputs { address: self.listen }) } else { Found::Nothing })
    }
}
