//! The local platform: real servers on loopback subnets, an S3 endpoint a region, a TCP balancer a node.

use super::{Addresses, Backend, Balancer, Server, Store};
use crate::{RESTATE_VERSION, components::DeclaredRegion, settings::ObjectStore};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};
use terrane::{Context, Declared, Error, On, Options, Output, Refers, Result, Stack, Urn};
use terrane_local::{
    Bucket, Limits, Local, NpmPackage, Process, Readiness, Region, Replication, Rule, TcpBalancer,
    address::{AddressPlan, Place},
};

const FABRIC_PORT: u16 = 5122;
const ADMIN_PORT: u16 = 9070;
const INGRESS_PORT: u16 = 8080;
const S3_PORT: u16 = 9000;
/// Keys of the local S3 endpoints. They guard loopback addresses on one machine.
const ACCESS_KEY: &str = "terrane";
const SECRET_KEY: &str = "terrane-local";
/// The region that requests to the local endpoints are signed for.
const SIGNING_REGION: &str = "us-east-1";

pub(crate) struct LocalBackend {
    on: On<Local>,
    plan: AddressPlan,
    first: u8,
    declared: Mutex<BTreeMap<String, Here>>,
    root: Stack,
    programs: Mutex<BTreeMap<&'static str, Output<PathBuf>>>,
}

/// A region of this stack.
struct Here {
    number: u8,
    region: Declared<Region>,
    buckets: BTreeMap<String, Urn>,
}

impl LocalBackend {
    pub(crate) fn new(stack: &Stack, plan: AddressPlan, first: u8) -> Result<Self> {
        let on = stack.provider(Local::of_stack(stack)?);
        Ok(Self { on, plan, first, declared: Mutex::default(), root: stack.clone(), programs: Mutex::default() })
    }

    fn declared(&self) -> MutexGuard<'_, BTreeMap<String, Here>> {
        self.declared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, region: &DeclaredRegion, index: u8) -> Result<Place> {
        let declared = self.declared();
        let here = declared.get(region.name()).ok_or_else(|| stranger(region))?;
        Ok(Place { region: here.number, node: index })
    }

    /// A program from the npm registry, declared once a stack.
    fn program(&self, program: &'static str) -> Output<PathBuf> {
        let mut programs = self.programs.lock().unwrap_or_else(PoisonError::into_inner);
        let declare = || {
            let draft = NpmPackage::new(program)
                .package(format!("@restatedev/{program}"))
                .version(RESTATE_VERSION)
                .program(program);
            self.root.add(&self.on, draft).path.clone()
        };
        programs.entry(program).or_insert_with(declare).clone()
    }
}

fn stranger(region: &DeclaredRegion) -> Error {
    Error::new(format!("region `{}` was not added on this platform", region.name()))
}

impl Backend for LocalBackend {
    fn region(&self, scope: &Stack, name: &str) -> Result<Vec<Urn>> {
        let mut declared = self.declared();
        let count = u8::try_from(declared.len()).ok().and_then(|count| self.first.checked_add(count));
        let number = count.ok_or_else(|| Error::new("the local platform has 254 regions at most"))?;
        let endpoint = self.plan.endpoint(number, S3_PORT).context(format!("region {name}"))?;
        let draft = Region::new(name).endpoint(endpoint).access_key(ACCESS_KEY).secret_key(SECRET_KEY);
        let region = scope.add(&self.on, draft);
        let urns = region.urns();
        declared.insert(name.to_owned(), Here { number, region, buckets: BTreeMap::new() });
        Ok(urns)
    }

    fn bucket(&self, region: &DeclaredRegion, name: &str) -> Store {
        let mut declared = self.declared();
        let access = |endpoint: Option<String>| ObjectStore {
            aws_region: Some(SIGNING_REGION.to_owned()),
            aws_endpoint_url: endpoint,
            aws_allow_http: Some(true),
            aws_access_key_id: Some(ACCESS_KEY.to_owned()),
            ..ObjectStore::default()
        };
        let bucket = format!("{name}-{}", region.name());
        let secret = Some(Output::known(SECRET_KEY.to_owned()).secret());
        let Some(here) = declared.get_mut(region.name()) else {
            return Store { bucket, access: access(None), secret, urns: Vec::new() };
        };
        // On this machine a bucket goes with its region, objects and all.
        let draft = Bucket::new(name).region(&here.region).bucket(&bucket).delete_objects(true);
        let declared = region.scope().add(&self.on, draft);
        here.buckets.insert(name.to_owned(), declared.urn().clone());
        let endpoint = self.plan.endpoint(here.number, S3_PORT).ok().map(|listen| format!("http://{listen}"));
        Store { bucket, access: access(endpoint), secret, urns: declared.urns() }
    }

    fn replicate(&self, regions: &[DeclaredRegion], name: &str) -> Vec<Urn> {
        let declared = self.declared();
        let mut urns = Vec::new();
        for region in regions {
            let Some(from) = declared.get(region.name()) else { continue };
            let others = regions.iter().filter(|other| other.name() != region.name());
            let others: Vec<(&DeclaredRegion, &Here)> =
                others.filter_map(|other| Some((other, declared.get(other.name())?))).collect();
            let rules: Vec<_> = others
                .iter()
                .map(|(other, here)| Rule::new().region(&here.region).bucket(format!("{name}-{}", other.name())))
                .collect();
            let buckets: Vec<Urn> = others
                .iter()
                .map(|(_, here)| here)
                .chain([&from])
                .filter_map(|here| here.buckets.get(name).cloned())
                .collect();
            let draft = Replication::new(format!("{name}-replication")).region(&from.region);
            let draft = draft.bucket(format!("{name}-{}", region.name())).rules(rules).after(&buckets);
            urns.extend(region.scope().add(&self.on, draft).urns());
        }
        urns
    }

    fn addresses(&self, region: &DeclaredRegion, index: u8) -> Result<Addresses> {
        let place = self.place(region, index)?;
        let at = |port| self.plan.node(place, port).context(format!("node {index} of {}", region.name()));
        Ok(Addresses { fabric: at(FABRIC_PORT)?, admin: at(ADMIN_PORT)?, ingress: at(INGRESS_PORT)? })
    }

    fn balancer(&self, region: &DeclaredRegion, index: u8) -> Result<Balancer> {
        let place = self.place(region, index)?;
        let listen =
            self.plan.balancer(place, FABRIC_PORT).context(format!("balancer {index} of {}", region.name()))?;
        let target = self.plan.node(place, FABRIC_PORT).context(format!("node {index} of {}", region.name()))?;
        let declared = self.declared();
        let here = declared.get(region.name()).ok_or_else(|| stranger(region))?;
        let name = format!("restate-{index}");
        let draft =
            TcpBalancer::new(format!("{name}-nlb")).region(&here.region).balancer(name).listen(listen).target(target);
        let balancer = region.scope().add(&self.on, draft);
        Ok(Balancer { url: format!("http://{listen}/"), urns: balancer.urns() })
    }

    fn restatectl(&self, _: &Stack) -> Output<PathBuf> {
        self.program("restatectl")
    }

    fn serve(&self, turn: &Stack, region: &DeclaredRegion, server: Server) -> Vec<Urn> {
        let declared = self.declared();
        let Some(here) = declared.get(region.name()) else { return Vec::new() };
        let program = self.program("restate-server").map(|path| path.display().to_string());
        let Addresses { fabric, admin, ingress } = server.addresses;
        let limits = Limits { memory_bytes: server.memory_bytes, cpus: server.cpus };
        // The process runs in its own folder, so its data is below it.
        let config = server.config.replace("{base}", "data");
        let draft = Process::new(&server.name)
            .region(&here.region)
            .process(&server.name)
            .program(program)
            .arguments(["--no-logo", "-c", "restate.toml"])
            .files([("restate.toml", config)])
            .secret_environment(&server.secrets)
            .addresses([fabric, admin, ingress])
            .readiness(Readiness::Tcp { address: fabric })
            .limits(limits)
            .after(&server.after);
        turn.add(&self.on, draft).urns()
    }
}
