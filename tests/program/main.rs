//! A program whose shape is its configuration, so that a test can change "the program" by writing another `terrane.toml`.

mod shape;

use shape::{BucketShape, End, FileShape, PackageShape, ProcessShape, Shape};
use std::collections::BTreeMap;
use terrane::{Claim, Refers, Urn, prelude::*};
use terrane_local::{Bucket, File, Local, NpmPackage, Process, Readiness, Region, Replication, Rule};

fn main() -> ExitCode {
    terrane::main("shop", program)
}

/// What the configuration says.
fn program(stack: &Stack) -> Result<()> {
    let shape: Shape = stack.config()?;
    if let Some(holds) = shape.small {
        let (name, subject) = ("size=small".to_owned(), "shop".to_owned());
        stack.claim(Claim { name, subject, holds, why: "the configuration says so".to_owned() });
    }
    if !shape.empty {
        let local = stack.provider(Local::of_stack(stack)?);
        Shop { stack, local, shape: &shape }.open();
    }
    match shape.ends {
        End::Well => Ok(()),
        End::Failing => Err(Error::new("the till is locked").help("ask the manager for the key")),
        End::Panicking => panic!("the till is on fire"),
    }
}

struct Shop<'a> {
    stack: &'a Stack,
    local: On<Local>,
    shape: &'a Shape,
}

type Regions = BTreeMap<String, Declared<Region>>;

impl Shop<'_> {
    fn open(&self) {
        self.files();
        let regions = self.regions();
        self.buckets(&regions);
        self.processes(&regions);
        for (name, PackageShape { package, version, program }) in &self.shape.package {
            let package = NpmPackage::new(name).package(package).version(version).program(program);
            self.stack.add(&self.local, package);
        }
    }

    /// A file that reads another says in its first line where that one is.
    fn files(&self) {
        let mut paths = BTreeMap::<&str, Output<String>>::new();
        for (name, shape) in &self.shape.file {
            let mut content = match &shape.secret {
                Some(secret) => self.stack.secret(secret),
                None => Output::known(shape.content.clone()),
            };
            if let Some(other) = shape.reads.as_ref().and_then(|other| paths.get(other.as_str())) {
                content = text!("after {}\n{}", other, content);
            }
            let declared = self.file(name, shape, content);
            let path = declared.path.map(|path| path.display().to_string());
            self.stack.export(name, &path);
            paths.insert(name, path);
        }
        for name in &self.shape.twice {
            self.stack.add(&self.local, File::new(name).path(self.shape.folder.join("other")).content(""));
        }
    }

    fn file(&self, name: &str, shape: &FileShape, content: Output<String>) -> Declared<File> {
        let path = self.shape.folder.join(shape.at.as_deref().unwrap_or(name));
        let file = File::new(name).path(path).content(content);
        let file = match shape.mode {
            Some(mode) => file.mode(mode),
            None => file,
        };
        let file = shape.after.iter().fold(file, |file, other| file.after(&self.named(other)));
        self.stack.add(&self.local, if shape.protected { file.protected() } else { file })
    }

    /// A file by its name, declared or not.
    fn named(&self, name: &str) -> Named {
        Named(Urn::new(self.stack.name(), self.stack.project(), "", "local:File", name))
    }

    fn regions(&self) -> Regions {
        let declare = |(name, shape): (&String, &shape::RegionShape)| {
            let region = Region::new(name).region(name);
            let region = match shape.endpoint {
                Some(endpoint) => region.endpoint(endpoint),
                None => region,
            };
            (name.clone(), self.stack.add(&self.local, region))
        };
        self.shape.region.iter().map(declare).collect()
    }

    /// Buckets, and the rules by which they are copied.
    fn buckets(&self, regions: &Regions) {
        for (name, BucketShape { region, delete_objects, .. }) in &self.shape.bucket {
            let bucket = Bucket::new(name).region(&regions[region]).bucket(name).delete_objects(*delete_objects);
            self.stack.add(&self.local, bucket);
        }
        for (name, BucketShape { region, copies, .. }) in &self.shape.bucket {
            let rule = |other: &String| Rule::new().region(&regions[&self.shape.bucket[other].region]).bucket(other);
            let rules: Vec<_> = copies.iter().map(rule).collect();
            if !rules.is_empty() {
                let others = copies.iter().chain([name]).map(|bucket| self.bucket(bucket)).collect::<Vec<_>>();
                let copying = Replication::new(format!("{name}-copies")).region(&regions[region]).bucket(name);
                self.stack.add(&self.local, copying.rules(rules).after(&others));
            }
        }
    }

    fn bucket(&self, name: &str) -> Named {
        Named(Urn::new(self.stack.name(), self.stack.project(), "", "local:Bucket", name))
    }

    fn processes(&self, regions: &Regions) {
        for (name, shape) in &self.shape.process {
            let ProcessShape { region, program, arguments, address, secret } = shape;
            let process = Process::new(name).region(&regions[region]).program(program);
            let process = process.arguments(arguments.clone()).stop_limit_ms(2_000_u64);
            let process = match *address {
                Some(address) => process.addresses([address]).readiness(Readiness::Tcp { address }),
                None => process,
            };
            let process = match secret {
                Some(secret) => process.secret_environment([("SECRET", self.stack.secret(secret))]),
                None => process,
            };
            self.stack.add(&self.local, process);
        }
    }
}

/// A resource by its URN, so that a configuration can name one that comes later.
struct Named(Urn);

impl Refers for Named {
    fn urns(&self) -> Vec<Urn> {
        vec![self.0.clone()]
    }
}
