//! A kind with lists and maps, and without outputs.

use super::Aws;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use terrane::{Creation, Live, Outputs, Progress, Recovery, Resource, Result};

/// Says who may use what.
#[derive(Resource, Serialize, Deserialize, Clone)]
#[resource(kind = "aws:iam:Policy", provider = Aws, outputs = PolicyOutputs, delete_first, always_read, recovery = Recovery::Name)]
pub struct Policy {
    /// What may be used.
    resources: Vec<String>,
    limits: BTreeMap<String, u32>,
    #[input(default = vec![22, 443])]
    ports: Vec<u16>,
}

/// The cloud tells nothing about a [`Policy`].
#[derive(Outputs, Serialize, Deserialize, Clone)]
pub struct PolicyOutputs {}

impl Resource for Policy {
    async fn read(_: &(), was: &Live<Self>) -> Result<Option<Live<Self>>> {
        Ok(Some(was.clone()))
    }

    async fn create(&self, _: &(), _: &Creation) -> Result<PolicyOutputs> {
        Ok(PolicyOutputs {})
    }

    async fn update(&self, _: &(), _: &Live<Self>, _: &Progress) -> Result<PolicyOutputs> {
        Ok(PolicyOutputs {})
    }

    async fn delete(_: &(), _: &Live<Self>, _: &Progress) -> Result<()> {
        Ok(())
    }
}
