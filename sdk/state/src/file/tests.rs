//! State in a folder: what is refused before it is written, and what a removal leaves.

use super::{FileStore, REMOVED};
use crate::{Error, Holder, Store};
use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};
use terrane_core::{
    Properties, Record, State, Urn,
    state::{Lineage, OpId, RunStart},
};

/// A store that is gone when the test ends.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("terrane-file-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self(env::temp_dir().join(name))
    }

    fn store(&self) -> FileStore {
        FileStore::new(self.0.clone())
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.0.join(folder)).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn start(at_ms: i64) -> Record {
    Record::RunStart(RunStart { command: "up".to_owned(), at_ms, ..RunStart::default() })
}

fn password() -> Properties {
    let secret = ["password".to_owned(), "unset".to_owned()].into();
    Properties::new([("password".to_owned(), "hunter2".into())].into_iter().collect(), secret)
}

/// A stack with one run.
async fn begun(place: &Place, stack: &str) -> FileStore {
    let store = place.store();
    let journal = store.open("shop", stack, &Holder::current()).await.unwrap();
    journal.finish(vec![start(1)], &journal.state()).await.unwrap();
    store
}

#[tokio::test]
async fn what_contradicts_the_log_is_refused_and_a_snapshot_is_the_fold_of_its_records() {
    let place = Place::new();
    let store = begun(&place, "dev").await;
    let journal = store.open("shop", "dev", &Holder::current()).await.unwrap();
    let op = OpId::mint(&Lineage::default(), &Urn::new("dev", "shop", "", "demo:Thing", "a"), 1);
    let refused = journal.commit(vec![start(2), Record::Settled { op }]).await.unwrap_err();
    assert!(matches!(refused, Error::Corrupt(_)) && refused.is_unwritten(), "{refused}");
    journal.commit(vec![start(3)]).await.unwrap();
    // The writer's own state may have what was refused.
    let mut own = journal.state();
    own.apply_all(&[start(2), start(3)]).unwrap();
    journal.seal(&own).await.unwrap();
    let runs = |state: State| state.runs.iter().map(|run| run.start.at_ms).collect::<Vec<_>>();
    assert_eq!(runs(store.read("shop", "dev").await.unwrap().unwrap()), [1, 3]);
    assert_eq!(runs(store.read_at("shop", "dev", 2).await.unwrap()), [1, 3]);
}

#[tokio::test]
async fn a_removed_stack_leaves_its_keys_and_nothing_else() {
    let place = Place::new();
    let store = begun(&place, "dev").await;
    let mut sealed = password();
    store.seal_config("shop", "dev", &mut sealed).await.unwrap();
    let held = store.open("shop", "dev", &Holder::current()).await.unwrap();
    assert!(matches!(store.remove("shop", "dev", &Holder::current()).await, Err(Error::Locked { .. })));
    held.close().await.unwrap();
    // As a removal leaves it that is cut off, and somebody else's.
    for name in ["dev-7", "dev-x", "other-1"] {
        fs::create_dir_all(place.0.join(REMOVED).join("shop").join(name).join("snapshots")).unwrap();
    }
    store.remove("shop", "dev", &Holder::current()).await.unwrap();
    assert_eq!(place.names("shop/dev"), ["key.json"]);
    let mut left = place.names("removed/shop");
    left.sort();
    assert_eq!(left, ["dev-x", "other-1"]);
    assert!(store.read("shop", "dev").await.unwrap().is_none() && store.stacks("shop").await.unwrap().is_empty());
    store.open_config("shop", "dev", &mut sealed).await.unwrap();
    assert_eq!(sealed.values["password"], "hunter2");
    begun(&place, "dev").await;
    assert_eq!(store.stacks("shop").await.unwrap(), ["dev"]);
}

#[tokio::test]
async fn a_state_that_loads_is_not_set_aside_and_one_that_does_not_goes_whole() {
    let place = Place::new();
    let store = begun(&place, "dev").await;
    let refused = store.set_aside("shop", "dev", &Holder::current()).await.unwrap_err();
    assert!(matches!(refused, Error::Whole { .. }), "{refused}");
    let log = place.0.join("shop/dev/log");
    fs::write(&log, b"?").unwrap();
    let aside = store.set_aside("shop", "dev", &Holder::current()).await.unwrap();
    assert_eq!(fs::read(Path::new(&aside).join("log")).unwrap(), b"?");
    assert!(!log.exists());
}

#[tokio::test]
async fn an_export_opens_with_the_key_file_of_another_name() {
    let place = Place::new();
    let store = begun(&place, "dev").await;
    let journal = store.open("shop", "dev", &Holder::current()).await.unwrap();
    journal.finish(vec![Record::Outputs { exports: password() }], &journal.state()).await.unwrap();
    let state = store.read("shop", "dev").await.unwrap().unwrap();
    let export = store.seal_export("shop", "dev", state).await.unwrap();
    let keys = place.0.join("keys/shop");
    fs::rename(keys.join("dev.key"), keys.join("live.key")).unwrap();
    assert_eq!(store.open_export(export).await.unwrap().exports, password());
}

#[tokio::test]
async fn a_secret_that_is_not_set_needs_no_key() {
    let place = Place::new();
    let store = begun(&place, "dev").await;
    let mut unset = Properties { values: Default::default(), ..password() };
    store.seal_config("shop", "dev", &mut unset).await.unwrap();
    store.open_config("shop", "dev", &mut unset).await.unwrap();
    assert!(store.keys("shop", "dev").await.unwrap().is_none() && place.names("keys/shop").is_empty());
    let mut sealed = password();
    store.seal_config("shop", "dev", &mut sealed).await.unwrap();
    fs::remove_file(place.0.join("shop/dev/key.json")).unwrap();
    let gone = store.open_config("shop", "dev", &mut sealed).await.unwrap_err();
    assert!(gone.to_string().contains("what keeps the key is gone"), "{gone}");
    assert!(store.keys("shop", "dev").await.unwrap().is_none(), "no other key takes its place");
}
