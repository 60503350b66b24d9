//! The region's balancers: putting and removing them by name, and their faults.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::balancer::Balancer;
use super::desired::DesiredFile;
use super::error::{Error, Result};
use super::folder::check_name;
use super::partition::Partition;
use super::ports;
use super::slots::Slots;
use crate::spec::{BalancerFault, BalancerSpec, Change};
use crate::status::BalancerStatus;

/// All balancers of a region.
pub(crate) struct Balancers {
    desired: Arc<DesiredFile>,
    partition: Arc<Partition>,
    slots: Slots<Balancer>,
}

impl Balancers {
    pub(crate) fn new(desired: Arc<DesiredFile>, partition: Arc<Partition>) -> Self {
        Self { desired, partition, slots: Slots::default() }
    }

    /// Brings back everything that is desired.
    pub(crate) async fn restore(&self) {
        for (name, spec) in self.desired.snapshot().balancers {
            let balancer = Balancer::restore(spec, self.fault(&name), Arc::clone(&self.partition)).await;
            self.slots.slot(&name).set(Some(balancer));
        }
    }

    pub(crate) async fn put(&self, name: &str, spec: BalancerSpec) -> Result<Change> {
        check_name("balancer", name)?;
        let slot = self.slots.slot(name);
        let _change = slot.change.lock().await;
        let known = self.desired.read(|desired| desired.balancers.get(name).cloned());
        if known.as_ref() == Some(&spec) && slot.get().is_some() {
            return Ok(Change::Unchanged);
        }
        // Before the old one is stopped: a mistake in the address shall not take it down.
        ports::check_free(spec.listen, &BTreeSet::from([std::process::id()]))?;
        self.desired.change(|desired| desired.balancers.insert(name.to_owned(), spec.clone()))?;
        if let Some(old) = slot.set(None) {
            old.stop().await;
        }
        match Balancer::start(spec.clone(), self.fault(name), Arc::clone(&self.partition)).await {
            Ok(balancer) => {
                slot.set(Some(balancer));
                Ok(if known.is_some() { Change::Replaced } else { Change::Created })
            }
            Err(error) => {
                self.desired.change(|desired| desired.balancers.remove(name))?;
                Err(error)
            }
        }
    }

    pub(crate) async fn remove(&self, name: &str) -> Result<Change> {
        check_name("balancer", name)?;
        let slot = self.slots.slot(name);
        let _change = slot.change.lock().await;
        self.desired.change(|desired| {
            desired.balancers.remove(name);
            desired.balancer_faults.remove(name);
        })?;
        let Some(old) = slot.set(None) else { return Ok(Change::Absent) };
        old.stop().await;
        Ok(Change::Removed)
    }

    pub(crate) async fn set_fault(&self, name: &str, fault: BalancerFault) -> Result<()> {
        let slot = self.slots.slot(name);
        let _change = slot.change.lock().await;
        let missing = || Error::NotFound { what: "balancer", name: name.to_owned() };
        let balancer = slot.get().ok_or_else(missing)?;
        self.desired.change(|desired| desired.balancer_faults.insert(name.to_owned(), fault))?;
        balancer.set_fault(fault);
        Ok(())
    }

    pub(crate) async fn stop_all(&self) {
        for (_, balancer) in self.slots.all() {
            balancer.stop().await;
        }
    }

    pub(crate) fn status(&self) -> BTreeMap<String, BalancerStatus> {
        self.slots.all().into_iter().map(|(name, balancer)| (name, balancer.status())).collect()
    }

    fn fault(&self, name: &str) -> BalancerFault {
        self.desired.read(|desired| desired.balancer_faults.get(name).copied()).unwrap_or_default()
    }
}
