//! All that there is outside of the program: files, processes, agents, state.

use crate::session::{Session, agents, files, marked};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fs, path::Path};

/// The world, without what differs from session to session.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct World {
    /// By path, the contents of files.
    files: BTreeMap<String, String>,
    /// Regions with the processes that their agents say run, and with what arguments.
    regions: BTreeMap<String, Vec<String>>,
    /// The processes that really run.
    processes: Vec<String>,
    /// How many agents really run.
    agents: usize,
    /// What state says, apart from times and operations.
    state: BTreeMap<String, Value>,
}

impl World {
    pub(crate) fn of(session: &Session) -> Self {
        Self::seen(session, |text| text)
    }

    /// The world in which texts are shown shorter.
    pub(crate) fn seen(session: &Session, shorter: impl Fn(String) -> String) -> Self {
        let root = session.path("").display().to_string();
        let named = |text: &str| shorter(text.replace(&root, "[root]/"));
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        let contents = files(&session.path("files"))
            .into_iter()
            .map(|path| (named(&path.display().to_string()), named(&read(&path))));
        let state: Value = serde_json::from_str(&named(&session.data("stack export --show-secrets"))).unwrap();
        assert_eq!((&state["pending"], &state["condemned"]), (&Value::Null, &Value::Null), "{state}");
        let live = state["live"].as_object().unwrap().iter();
        Self {
            files: contents.collect(),
            regions: regions(session),
            processes: marked(&session.path("l")),
            agents: agents(&session.path("l")).len(),
            state: live.map(|(urn, instance)| (urn.clone(), lasting(instance))).collect(),
        }
    }
}

/// What is the same however often a run was killed.
fn lasting(instance: &Value) -> Value {
    let names = ["inputs", "outputs", "dependencies", "unsettled"];
    let kept = names.iter().filter_map(|name| Some(((*name).to_owned(), instance.get(name)?.clone())));
    Value::Object(kept.collect::<Map<_, _>>())
}

fn regions(session: &Session) -> BTreeMap<String, Vec<String>> {
    let folders = fs::read_dir(session.path("l/shop/dev")).into_iter().flatten().flatten();
    let names = folders.map(|entry| entry.file_name().into_string().unwrap()).filter(|name| name != "program");
    names.map(|name| (name.clone(), running(session, &name))).collect()
}

fn running(session: &Session, region: &str) -> Vec<String> {
    let status = crate::session::agent(session, region, async |client| client.status().await.unwrap());
    let describe = |(name, process): (&String, &terrane_local::status::ProcessStatus)| {
        let pid = process.pid.unwrap();
        let arguments = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap().replace('\0', " ");
        format!("{name}: {}, {:?}", arguments.trim_end(), process.state)
    };
    status.processes.iter().map(describe).collect()
}

/// A secret as it stands, and as it would stand in base64, at each of the three places in a group, and in hex.
pub(crate) fn forms(secret: &str) -> Vec<String> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let shifted = (0..3).map(|blanks| {
        let padded = STANDARD.encode(format!("{}{secret}", " ".repeat(blanks)));
        // The first and last groups hold bits of their neighbours.
        padded[4..padded.len() - 4].to_owned()
    });
    [secret.to_owned(), hex.to_uppercase(), hex].into_iter().chain(shifted).collect()
}

/// The files at or below a path that hold a text.
pub(crate) fn containing(path: &Path, text: &str) -> Vec<String> {
    let all = if path.is_file() { vec![path.to_owned()] } else { files(path) };
    let holds = |path: &&std::path::PathBuf| {
        fs::read(path).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
    };
    all.iter().filter(holds).map(|path| path.display().to_string()).collect()
}
