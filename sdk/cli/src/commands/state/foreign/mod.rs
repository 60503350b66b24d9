//! `state import --from`: reads another tool's state, and prints what to write into the program so that `up` adopts its objects. Nothing is
//! changed, here or there.

mod pulumi;
mod terraform;

use crate::{
    commands::saved::read_bounded,
    context::Context,
    error::{Error, Result},
    project::Project,
    render::{table::table, units::count},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};
use terrane_core::ProviderSpec;
use terrane_state::export::BYTES_MAX;

/// A tool whose state can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Tool {
    /// What `pulumi stack export` writes.
    Pulumi,
    /// A Terraform or OpenTofu state, version 4.
    Terraform,
}

/// Which types of other tools are which kinds. A new provider adds its rows here.
const KINDS: &str = include_str!("kinds.json");

/// A kind, and what other tools call it.
#[derive(Deserialize)]
struct Row {
    kind: String,
    #[serde(default)]
    pulumi: Vec<String>,
    #[serde(default)]
    terraform: Vec<String>,
    /// The attribute that identifies the object to `import`, where it isn't `id`.
    #[serde(default)]
    id: Option<String>,
}

/// An object that another tool manages.
struct Object {
    /// The tool's name for its type.
    of_type: String,
    /// The tool's own address of it.
    address: String,
    /// A logical name for it, with its scopes.
    label: String,
    attributes: Map<String, Value>,
}

/// An object that can be adopted.
struct Adoptable {
    kind: String,
    label: String,
    id: String,
    address: String,
}

pub(super) async fn run(context: &Context, project: &Project, path: &Path, tool: Tool) -> Result<()> {
    let text = read_bounded(path, BYTES_MAX, "a state")?;
    let refuse = |why: String| Error::usage(format!("{} is not {}: {why}", path.display(), tool.file()));
    let objects = match tool {
        Tool::Pulumi => pulumi::objects(&text),
        Tool::Terraform => terraform::objects(&text),
    };
    let objects = objects.map_err(refuse)?;
    let rows: Vec<Row> = serde_json::from_str(KINDS).map_err(|error| Error::failed(format!("kinds.json: {error}")))?;
    let (adoptable, unknown) = sort(objects, &rows, tool);
    show(context, &adoptable)?;
    tell(context, &adoptable, &unknown, &kinds_here(context, project).await);
    Ok(())
}

impl Tool {
    /// What its file is called.
    fn file(self) -> &'static str {
        match self {
            Self::Pulumi => "what `pulumi stack export` writes",
            Self::Terraform => "a Terraform state of version 4",
        }
    }
}

/// What can be adopted, and how many objects there are of each type that no kind stands for.
fn sort(objects: Vec<Object>, rows: &[Row], tool: Tool) -> (Vec<Adoptable>, BTreeMap<String, usize>) {
    let (mut adoptable, mut unknown) = (Vec::new(), BTreeMap::new());
    for object in objects {
        let is_meant = |row: &&Row| {
            let types = if tool == Tool::Pulumi { &row.pulumi } else { &row.terraform };
            types.contains(&object.of_type)
        };
        let found = rows.iter().find(is_meant).and_then(|row| {
            let id = object.attributes.get(row.id.as_deref().unwrap_or("id"))?.as_str()?;
            Some((row.kind.clone(), id.to_owned()))
        });
        match found {
            Some((kind, id)) => adoptable.push(Adoptable { kind, label: object.label, id, address: object.address }),
            None => *unknown.entry(object.of_type).or_default() += 1,
        }
    }
    (adoptable, unknown)
}

fn show(context: &Context, adoptable: &[Adoptable]) -> Result<()> {
    if context.globals.json {
        return adoptable.iter().try_for_each(|it| {
            context.terminal.out_line(json!({"kind": it.kind, "name": it.label, "id": it.id, "from": it.address}))
        });
    }
    if adoptable.is_empty() {
        return Ok(());
    }
    let imported = |id: &str| format!(".imported({})", Value::from(id));
    let row = |it: &Adoptable| vec![it.kind.clone(), it.label.clone(), imported(&it.id), format!("// {}", it.address)];
    let rows: Vec<Vec<String>> = adoptable.iter().map(row).collect();
    // Lines are to be copied: none is wrapped.
    context.terminal.out(table(&["kind", "resource", "option", "was"], &rows, usize::MAX / 2))
}

fn tell(context: &Context, adoptable: &[Adoptable], unknown: &BTreeMap<String, usize>, here: &BTreeSet<String>) {
    let missing: BTreeSet<&str> =
        adoptable.iter().map(|it| it.kind.as_str()).filter(|kind| !here.contains(*kind)).collect();
    let say = |text: String| context.terminal.say(format_args!("{text}\n"));
    if !missing.is_empty() {
        let kinds = missing.into_iter().collect::<Vec<_>>().join(", ");
        say(format!("No provider of this program has the kinds {kinds}: add it first."));
    }
    if !unknown.is_empty() {
        let types = unknown.iter().map(|(of_type, number)| format!("{of_type} ({number})"));
        say(format!("No kind stands for {}.", types.collect::<Vec<_>>().join(", ")));
    }
    match adoptable.len() {
        0 => say("There is nothing to adopt.".to_owned()),
        number => say(format!(
            "{} to adopt: declare each with its option, look at `preview`, and `up` adopts it; or `import RESOURCE ID`, one by one.\n\
             The other tool must forget them afterwards: two tools on one object undo each other's work.",
            count(number, "object")
        )),
    }
}

/// The kinds of the program's providers. A program that fails here still has those that it links.
async fn kinds_here(context: &Context, project: &Project) -> BTreeSet<String> {
    let mut specs: Vec<&'static ProviderSpec> = context.app.providers.clone();
    if let Ok(stack) = project.session().evaluate().await {
        specs.extend(stack.graph().handles.iter().map(|handle| handle.spec));
    }
    specs.iter().flat_map(|spec| (spec.kinds)()).map(|kind| kind.kind.to_owned()).collect()
}

/// A label out of another tool's words: each part a name of ours.
fn label(parts: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let clean = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let part = |part: &str| part.chars().map(clean).take(100).collect::<String>().trim_matches(['-', '.']).to_owned();
    let parts: Vec<String> =
        parts.into_iter().map(|text| part(text.as_ref())).filter(|part| !part.is_empty()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tool: Tool, text: &str) -> Result<(Vec<Adoptable>, BTreeMap<String, usize>), String> {
        let objects = match tool {
            Tool::Pulumi => pulumi::objects(text.as_bytes()),
            Tool::Terraform => terraform::objects(text.as_bytes()),
        };
        Ok(sort(objects?, &serde_json::from_str::<Vec<Row>>(KINDS).unwrap(), tool))
    }

    fn told(tool: Tool, text: &str) -> (Vec<String>, Vec<String>) {
        let (adoptable, unknown) = read(tool, text).unwrap();
        let line = |it: Adoptable| format!("{} {} {} from {}", it.kind, it.label, it.id, it.address);
        (adoptable.into_iter().map(line).collect(), unknown.into_keys().collect())
    }

    #[test]
    fn a_terraform_state_tells_what_to_adopt() {
        let text = r#"{"version": 4, "terraform_version": "1.9.0", "resources": [
            {"mode": "managed", "type": "aws_s3_bucket", "name": "logs", "instances": [{"attributes": {"id": "acme-logs"}}]},
            {"module": "module.net[\"eu\"]", "mode": "managed", "type": "aws_vpc", "name": "main", "instances": [
                {"index_key": 0, "attributes": {"id": "vpc-1"}}, {"index_key": "b/c", "attributes": {"id": "vpc-2"}}]},
            {"mode": "managed", "type": "local_file", "name": "page", "instances": [{"attributes": {"id": "9f", "filename": "/srv/page"}}]},
            {"mode": "data", "type": "aws_region", "name": "here", "instances": [{"attributes": {"id": "eu"}}]},
            {"mode": "managed", "type": "aws_odd", "name": "odd", "instances": [{"attributes": {"id": "x"}}]}]}"#;
        let (lines, unknown) = told(Tool::Terraform, text);
        assert_eq!(
            lines,
            [
                "aws:s3:Bucket logs acme-logs from aws_s3_bucket.logs",
                "aws:ec2:Vpc net-eu/main-0 vpc-1 from module.net[\"eu\"].aws_vpc.main[0]",
                "aws:ec2:Vpc net-eu/main-b-c vpc-2 from module.net[\"eu\"].aws_vpc.main[\"b/c\"]",
                "local:File page /srv/page from local_file.page",
            ]
        );
        assert_eq!(unknown, ["aws_odd"]);
    }

    #[test]
    fn a_pulumi_checkpoint_tells_what_to_adopt() {
        let text = r#"{"version": 3, "deployment": {"resources": [
            {"urn": "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev", "custom": false, "type": "pulumi:pulumi:Stack"},
            {"urn": "urn:pulumi:dev::shop::pulumi:providers:aws::default", "custom": true, "id": "1", "type": "pulumi:providers:aws"},
            {"urn": "urn:pulumi:dev::shop::my:Net$aws:s3/bucketV2:BucketV2::logs", "custom": true, "id": "acme-logs", "type": "aws:s3/bucketV2:BucketV2"},
            {"urn": "urn:pulumi:dev::shop::aws:s3/bucket:Bucket::old", "custom": true, "id": "old", "type": "aws:s3/bucket:Bucket", "delete": true},
            {"urn": "urn:pulumi:dev::shop::aws:sqs/queue:Queue::jobs", "custom": true, "id": "https://q", "type": "aws:sqs/queue:Queue"},
            {"urn": "urn:pulumi:dev::shop::odd:index:Odd::odd", "custom": true, "id": "1", "type": "odd:index:Odd"}]}}"#;
        let (lines, unknown) = told(Tool::Pulumi, text);
        assert_eq!(
            lines,
            [
                "aws:s3:Bucket logs acme-logs from urn:pulumi:dev::shop::my:Net$aws:s3/bucketV2:BucketV2::logs",
                "aws:sqs:Queue jobs https://q from urn:pulumi:dev::shop::aws:sqs/queue:Queue::jobs",
            ]
        );
        assert_eq!(unknown, ["odd:index:Odd"]);
    }

    #[test]
    fn other_files_are_refused() {
        let refused = |tool, text: &str| read(tool, text).err().unwrap_or_default();
        assert!(refused(Tool::Terraform, "{").contains("EOF"));
        assert_eq!(refused(Tool::Terraform, r#"{"version": 3}"#), "it has version 3, and version 4 is read");
        assert_eq!(refused(Tool::Terraform, r#"{"version": 5}"#), "it has version 5, and version 4 is read");
        assert_eq!(refused(Tool::Pulumi, r#"{"version": 9}"#), "it has version 9, and versions 3 and 4 are read");
        assert!(refused(Tool::Pulumi, r#"{"version": 3}"#).contains("deployment"));
    }
}
