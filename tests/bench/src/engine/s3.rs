//! State on S3 beside state on the disk: what the journal adds to a run, what it sends, and how a large state is read.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use super::case::{Case, Keep, Told, Verb};
use super::shape::{CHAINS, Shape};
use crate::scratch::Scratch;

/// How long a request takes.
const LATENCY_MS: u64 = 25;
/// How long a create takes.
const DELAY_MS: u64 = 50;
/// How many resources a run creates.
const RESOURCES: usize = 1_000;
/// How many a large state has.
const LARGE: usize = 100_000;

/// A measured figure beside what it may be at most.
#[derive(Serialize)]
struct Check {
    case: &'static str,
    what: &'static str,
    measured: f64,
    limit: f64,
    unit: &'static str,
}

impl Check {
    fn print(&self, json: bool) -> Result<()> {
        let Self { case, what, measured, limit, unit } = self;
        let verdict = if measured <= limit { "holds" } else { "EXCEEDED" };
        match json {
            true => println!("{}", serde_json::to_string(self)?),
            false => println!("{case:<11} {what:<42} {measured:>9.3} {unit:<12} at most {limit:>7.3}  {verdict}"),
        }
        Ok(())
    }
}

/// Measures every case.
pub(super) fn measure(scratch: &Scratch, json: bool) -> Result<()> {
    let folder = scratch.path().join("s3");
    let show = |case, what, measured, limit, unit| Check { case, what, measured, limit, unit }.print(json);
    for (shape, case) in [(Shape::FanOut, "s3 fan-out"), (Shape::Chains, "s3 chains")] {
        let (once, twice) = (pair(shape, RESOURCES, &folder)?, pair(shape, 2 * RESOURCES, &folder)?);
        let traffic = once.bucket.traffic;
        match shape {
            Shape::Chains => {
                // What a run does once, such as reading the state, is no level's; a request is to be as long as it was: timers round up.
                let levels = RESOURCES.div_ceil(CHAINS) as f64;
                let a_level = (twice.over_disk() - once.over_disk()) * 1000.0 / levels;
                show(case, "time over the disk, a level", a_level, traffic.latency_ms(), "ms")?;
            }
            _ => show(case, "time over the disk", once.over_disk() / once.disk.seconds * 100.0, 15.0, "%")?,
        }
        show(case, "requests", traffic.requests as f64, f64::INFINITY, "")?;
        show(case, "requests a commit", traffic.requests as f64 / traffic.commits as f64, 1.2, "")?;
        let growth = twice.bucket.traffic.sent_bytes as f64 / traffic.sent_bytes as f64;
        show(case, "bytes sent for twice as many, in times", growth, 2.2, "")?;
        show(case, "bytes sent a resource", traffic.sent_bytes as f64 / RESOURCES as f64, f64::INFINITY, "bytes")?;
        let idle = in_bucket(Verb::Noop, shape, RESOURCES, &folder).tell()?.traffic;
        show(case, "writes of a run without changes", idle.writes as f64, 0.0, "")?;
    }
    large(&folder, json)
}

/// The same run with both kinds of state.
struct Pair {
    disk: Told,
    bucket: Told,
}

impl Pair {
    /// How many seconds longer the run with state on S3 took.
    fn over_disk(&self) -> f64 {
        self.bucket.seconds - self.disk.seconds
    }
}

fn pair(shape: Shape, resources: usize, folder: &Path) -> Result<Pair> {
    let in_bucket = in_bucket(Verb::Create, shape, resources, folder);
    // The first run tries the store out, which is done once in a day.
    for verb in [Verb::Create, Verb::Destroy] {
        Case { verb, resources: 1, ..in_bucket.clone() }.tell()?;
    }
    let disk = folder.join(format!("{shape}-{resources}-disk"));
    let on_disk = Case { delay_ms: DELAY_MS, ..Case::new(Verb::Create, shape, resources, disk) };
    Ok(Pair { disk: on_disk.tell()?, bucket: in_bucket.tell()? })
}

fn in_bucket(verb: Verb, shape: Shape, resources: usize, folder: &Path) -> Case {
    let folder = folder.join(format!("{shape}-{resources}-bucket"));
    let (keep, latency_ms, delay_ms) = (Keep::Bucket, LATENCY_MS, DELAY_MS);
    Case { keep, latency_ms, delay_ms, ..Case::new(verb, shape, resources, folder) }
}

/// A state of many resources, read by a process that does nothing else.
fn large(folder: &Path, json: bool) -> Result<()> {
    let case = |verb| {
        let folder = folder.join("large");
        Case { keep: Keep::Bucket, ..Case::new(verb, Shape::FanOut, LARGE, folder) }
    };
    case(Verb::Create).tell()?;
    let read = case(Verb::Read).tell()?;
    let show = |what, measured, limit, unit| Check { case: "s3 large", what, measured, limit, unit }.print(json);
    show("reading, beyond the transfer", read.seconds - read.traffic.reading_seconds, 1.0, "s")?;
    show("peak memory", read.rss_bytes as f64 / 1e6, 500.0, "MB")
}
