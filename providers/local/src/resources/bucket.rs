//! `local:Bucket`: a bucket of a region's S3 endpoint.

use super::RegionRef;
use crate::{
    Local,
    provider::Machine,
    spec::{BucketSpec, Data},
};
use serde::{Deserialize, Serialize};
use terrane::{Creation, Found, Live, Problems, Progress, Recovery, Resource, Result};

/// A bucket with the S3 API, credentials and atomic conditional writes.
#[derive(Resource, Debug, Clone, Serialize, Deserialize)]
#[resource(kind = "local:Bucket", provider = Local, outputs = BucketOutputs, always_read, recovery = Recovery::Key)]
pub struct Bucket {
    /// The region whose endpoint serves it.
    #[input(replace)]
    region: RegionRef,
    /// Its name, by the rules of S3.
    #[input(replace, name, logical)]
    bucket: String,
    /// Whether deleting the resource deletes the objects in it, too; else a bucket with objects is not deleted.
    #[input(default = false)]
    delete_objects: bool,
}

/// What is known of a bucket.
#[derive(terrane::Outputs, Debug, Clone, Serialize, Deserialize)]
pub struct BucketOutputs {
    /// Its name.
    #[output(stable)]
    pub name: String,
}

impl Bucket {
    async fn is_there(&self, machine: &Machine) -> Result<Option<bool>> {
        let status = machine.look(&self.region, async |client| client.status().await).await?;
        Ok(status.map(|status| status.buckets.contains_key(&self.bucket)))
    }

    fn outputs(&self) -> BucketOutputs {
        BucketOutputs { name: self.bucket.clone() }
    }
}

impl Resource for Bucket {
    fn check(&self, problems: &mut Problems) {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        if !(3..=63).contains(&self.bucket.len()) || !self.bucket.chars().all(allowed) {
            problems.add("bucket", "must be 3 to 63 lower-case letters, digits, hyphens or dots");
        }
    }

    async fn read(machine: &Machine, was: &Live<Self>) -> Result<Option<Live<Self>>> {
        let there = was.inputs.is_there(machine).await?.unwrap_or_else(|| was.inputs.region.is_remembered());
        Ok(there.then(|| was.clone()))
    }

    async fn create(&self, machine: &Machine, _: &Creation) -> Result<BucketOutputs> {
        // A bucket that is there keeps its rules: they are another resource's.
        if self.is_there(machine).await? != Some(true) {
            let name = self.bucket.clone();
            machine.call(&self.region, async |client| client.put_bucket(&name, BucketSpec::default()).await).await?;
        }
        Ok(self.outputs())
    }

    async fn update(&self, machine: &Machine, _: &Live<Self>, _: &Progress) -> Result<BucketOutputs> {
        self.is_there(machine).await?;
        Ok(self.outputs())
    }

    async fn delete(machine: &Machine, was: &Live<Self>, _: &Progress) -> Result<()> {
        if was.inputs.region.folder().exists() {
            let name = was.inputs.bucket.clone();
            let data = if was.inputs.delete_objects { Data::Deleted } else { Data::Kept };
            let removed =
                machine.call(&was.inputs.region, async |client| client.remove_bucket(&name, data).await).await;
            removed.map_err(|error| match data {
                Data::Kept => error.help("empty it, or say `.delete_objects(true)` in the program and run `up` first"),
                Data::Deleted => error,
            })?;
        }
        Ok(())
    }

    async fn find(&self, machine: &Machine, _: &Creation) -> Result<Found<BucketOutputs>> {
        Ok(if self.is_there(machine).await? == Some(true) { Found::Ours(self.outputs()) } else { Found::Nothing })
    }
}
