//! Saved plans: what `preview --save` writes and `up --plan` carries out, exactly or not at all.

use crate::{
    error::{Error, Result},
    project::Project,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use terrane_core::{
    Plan, Urn,
    plan::{FORMAT, Op, Step},
    state::Lineage,
};

/// So many differences are told.
const DIFFERENCES_MAX: usize = 10;
/// No plan is larger.
const BYTES_MAX: u64 = 1 << 30;

/// A plan that somebody has agreed to.
pub(super) struct Saved {
    /// Its file.
    pub(super) path: PathBuf,
    pub(super) plan: Plan,
}

impl Saved {
    /// Where what comes after it is saved: `plan.json` -> `plan.next.json`.
    pub(super) fn next(&self) -> PathBuf {
        self.path.with_extension("next.json")
    }
}

/// Writes a plan, its secrets encrypted, for nobody else's eyes.
pub(super) async fn write(path: &Path, project: &Project, mut plan: Plan) -> Result<()> {
    project.store.seal_plan(&mut plan).await?;
    let text = serde_json::to_vec(&plan).map_err(|error| Error::failed(format!("could not save the plan: {error}")))?;
    write_private(path, &text)
}

/// Writes a file for nobody else's eyes: beside its place first, so that the one that is there goes only when the new one is whole.
pub(super) fn write_private(path: &Path, text: &[u8]) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let beside = path.with_file_name(name);
    let written = write_beside(&beside, text).and_then(|()| fs::rename(&beside, path));
    written.and_then(|()| sync_folder(path)).map_err(|error| {
        // What failed first is what counts.
        let _ = fs::remove_file(&beside);
        Error::file("write", path, &error)
    })
}

fn write_beside(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Reads a file of a bearable size.
pub(super) fn read_bounded(path: &Path, bytes_max: u64, what: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes));
    read.map_err(|error| Error::file("read", path, &error))?;
    if bytes.len() as u64 > bytes_max {
        return Err(Error::usage(format!("{} is too large for {what}", path.display())));
    }
    Ok(bytes)
}

/// Reads a plan that is for this stack.
pub(super) async fn read(path: &Path, project: &Project) -> Result<Saved> {
    let text = read_bounded(path, BYTES_MAX, "a plan")?;
    let refuse = |why: String| Error::usage(format!("{} is not a plan that can be used: {why}", path.display()));
    let mut plan: Plan = serde_json::from_slice(&text).map_err(|error| refuse(error.to_string()))?;
    if plan.format != FORMAT {
        return Err(refuse(format!("it has format {}, and this program reads {FORMAT}", plan.format)));
    }
    if (&plan.project, &plan.stack) != (&project.name, &project.stack) {
        return Err(refuse(format!(
            "it is for {} / {}, not {} / {}",
            plan.project, plan.stack, project.name, project.stack
        ))
        .hint(format!("pass --stack {}", plan.stack)));
    }
    project.store.open_plan(&mut plan).await?;
    Ok(Saved { path: path.to_owned(), plan })
}

/// Refuses, with the differences, when carrying out `now` would not be what `saved` shows.
pub(super) fn compare(saved: &Plan, now: &Plan) -> Result<()> {
    let mut differences = Vec::new();
    if saved.lineage == Lineage::default() && now.lineage != saved.lineage {
        differences.push("it is for a stack that doesn't exist yet, and by now it does".to_owned());
    } else if saved.lineage != now.lineage {
        differences.push("it is for another stack of the same name".to_owned());
    }
    if saved.purpose != now.purpose {
        differences.push("it is for another command".to_owned());
    }
    let (before, after) = (working(saved), working(now));
    for urn in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        differences.extend(difference(urn, before.get(urn).copied(), after.get(urn).copied()));
    }
    if differences.is_empty() {
        return Ok(());
    }
    let more = differences.len().saturating_sub(DIFFERENCES_MAX);
    differences.truncate(DIFFERENCES_MAX);
    differences.extend((more > 0).then(|| format!("and {more} more")));
    Err(Error {
        details: differences,
        ..Error::refused("the saved plan is no longer what would happen").hint(
            "make a new one with `preview --save` (and the same --target, --exclude and --replace), and look at it",
        )
    })
}

type Steps<'a> = BTreeMap<(&'a Urn, bool), &'a Step>;

/// The steps that do something. A replaced resource may have two: the old object's delete beside its own.
fn working(plan: &Plan) -> Steps<'_> {
    let steps = plan.steps.iter().filter(|step| step.op != Op::Same || step.moved_from.is_some());
    steps.map(|step| ((&step.urn, step.op == Op::Delete), step)).collect()
}

fn difference((urn, _): &(&Urn, bool), saved: Option<&Step>, now: Option<&Step>) -> Option<String> {
    let label = urn.label();
    let (saved, now) = match (saved, now) {
        (Some(saved), Some(now)) => (saved, now),
        (Some(saved), None) => {
            return Some(format!("{label}: the plan would {} it, and there is no need to any more", saved.op.word()));
        }
        (None, Some(now)) => {
            return Some(format!("{label}: not in the plan, and now there is a need to {} it", now.op.word()));
        }
        (None, None) => return None,
    };
    if saved.op != now.op {
        return Some(format!("{label}: the plan would {} it, and now it has to {} it", saved.op.word(), now.op.word()));
    }
    let names: BTreeSet<&String> = saved.inputs.values.keys().chain(now.inputs.values.keys()).collect();
    let input = names.into_iter().find(|name| saved.inputs.get(name) != now.inputs.get(name));
    let unknown = || {
        let same = saved.unknown.keys().eq(now.unknown.keys());
        (!same).then(|| format!("{label}: other inputs wait for values"))
    };
    input.map(|name| format!("{label}: input `{name}` has another value")).or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plan(steps: &serde_json::Value) -> Plan {
        let plan = json!({
            "format": FORMAT, "project": "shop", "stack": "dev", "lineage": "l", "seq": 1, "purpose": "up", "steps": steps,
            "waiting": [], "exports": {"values": {}}, "exports_unknown": [], "notes": [], "claims": [], "faults": [],
        });
        serde_json::from_value(plan).unwrap()
    }

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let folder = std::env::temp_dir().join(format!("terrane-saved-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("state.json");
        fs::write(&path, "the only backup").unwrap();
        // Nothing can be written beside it: it is as it was.
        let beside = folder.join(format!("state.json.{}.new", std::process::id()));
        fs::create_dir(&beside).unwrap();
        let refused = write_private(&path, b"new");
        let kept = fs::read_to_string(&path).unwrap();
        fs::remove_dir(&beside).unwrap();
        write_private(&path, b"new").unwrap();
        let (new, all) = (fs::read_to_string(&path).unwrap(), fs::read_dir(&folder).unwrap().count());
        fs::remove_dir_all(&folder).unwrap();
        assert!(refused.is_err());
        assert_eq!((kept.as_str(), new.as_str(), all), ("the only backup", "new", 1));
    }

    #[test]
    fn a_plan_that_is_no_longer_true_is_refused_with_what_differs() {
        let step = |name: &str, op: &str, port: u16| json!({"urn": format!("dev/shop/a:B/{name}"), "op": op, "site": "", "inputs": {"values": {"port": port}}});
        let saved = plan(&json!([step("a", "create", 1), step("b", "update", 1), step("c", "same", 1)]));
        assert!(compare(&saved, &saved).is_ok());
        let now = plan(&json!([step("a", "create", 2), step("c", "delete", 1)]));
        let refused = compare(&saved, &now).unwrap_err();
        assert_eq!(
            refused.details,
            [
                "a: input `port` has another value",
                "b: the plan would update it, and there is no need to any more",
                "c: not in the plan, and now there is a need to delete it",
            ]
        );
    }
}
