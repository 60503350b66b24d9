//! `local:Replication`: the rules by which a bucket is copied to other regions. A resource of its own, since two buckets may copy to each other.

use super::RegionRef;
use crate::{
    Local,
    provider::Machine,
    spec::{BucketSpec, ReplicationRule},
};
use serde::{Deserialize, Serialize};
use terrane::{Creation, Found, Live, Progress, Recovery, Resource, Result};

/// The replication rules of one bucket: each new object version is copied some time later, in no promised order.
#[derive(Resource, Debug, Clone, Serialize, Deserialize)]
#[resource(kind = "local:Replication", provider = Local, outputs = ReplicationOutputs, always_read, recovery = Recovery::Returns)]
pub struct Replication {
    /// The bucket's region.
    #[input(replace)]
    region: RegionRef,
    /// The bucket.
    #[input(replace, name)]
    bucket: String,
    /// Where its objects are copied to.
    rules: Vec<Rule>,
}

/// One destination.
#[derive(terrane::Inputs, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The other region.
    region: RegionRef,
    /// The bucket there.
    bucket: String,
}

/// Nothing is known of rules beyond their inputs.
#[derive(terrane::Outputs, Debug, Clone, Serialize, Deserialize)]
pub struct ReplicationOutputs {}

impl Replication {
    async fn put(&self, machine: &Machine, rules: &[Rule]) -> Result<()> {
        let rule = |rule: &Rule| ReplicationRule {
            peer: rule.region.name().to_owned(),
            peer_folder: rule.region.folder().to_owned(),
            bucket: rule.bucket.clone(),
            existing_objects: true,
        };
        let (name, spec) = (self.bucket.clone(), BucketSpec { replication: rules.iter().map(rule).collect() });
        machine.call(&self.region, async |client| client.put_bucket(&name, spec).await).await?;
        Ok(())
    }
}

impl Resource for Replication {
    async fn read(machine: &Machine, was: &Live<Self>) -> Result<Option<Live<Self>>> {
        let status = machine.look(&was.inputs.region, async |client| client.status().await).await?;
        let Some(status) = status else { return Ok(was.inputs.region.is_remembered().then(|| was.clone())) };
        let Some(bucket) = status.buckets.get(&was.inputs.bucket) else { return Ok(None) };
        let has = |rule: &&Rule| bucket.replication.contains_key(rule.region.name());
        let rules = was.inputs.rules.iter().filter(has).cloned().collect();
        Ok(Some(Live { inputs: Self { rules, ..was.inputs.clone() }, outputs: ReplicationOutputs {} }))
    }

    async fn create(&self, machine: &Machine, _: &Creation) -> Result<ReplicationOutputs> {
        self.put(machine, &self.rules).await?;
        Ok(ReplicationOutputs {})
    }

    async fn update(&self, machine: &Machine, _: &Live<Self>, _: &Progress) -> Result<ReplicationOutputs> {
        self.put(machine, &self.rules).await?;
        Ok(ReplicationOutputs {})
    }

    async fn delete(machine: &Machine, was: &Live<Self>, _: &Progress) -> Result<()> {
        if was.inputs.region.folder().exists() {
            was.inputs.put(machine, &[]).await?;
        }
        Ok(())
    }

    async fn find(&self, _: &Machine, _: &Creation) -> Result<Found<ReplicationOutputs>> {
        // Putting the rules again changes nothing where they stand already.
        Ok(Found::Nothing)
    }
}
