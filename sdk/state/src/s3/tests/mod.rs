//! The journal over a store in memory: what each test needs, and what a good day looks like.

mod advice;
mod damage;
mod folding;
mod hold;
mod leases;
mod outcomes;
mod probing;
mod spilling;
mod store;

use self::store::{Breach, TestObjects, TestWorld};
use super::{Head, S3Store, Settings};
use crate::{Holder, Journal, Store};
use std::{sync::Arc, time::Duration};
use terrane_core::{
    Properties, Record, State, Urn,
    state::{Lineage, OpId, RunEnd, RunStart},
};

const HEAD: &str = "shop/dev/head";

/// A store in memory, and who uses it.
pub(super) struct Place {
    objects: Arc<TestObjects>,
    world: Arc<TestWorld>,
    settings: Settings,
}

impl Place {
    fn new() -> Self {
        let settings = Settings { probe_racers: 2, ..Settings::default() };
        Self { objects: TestObjects::new(Breach::None), world: TestWorld::new(), settings }
    }

    /// What one process uses.
    fn store(&self) -> S3Store {
        S3Store::new(self.objects.clone(), self.world.clone(), self.settings.clone())
    }

    fn head(&self) -> Head {
        Head::decode(HEAD, &self.objects.bytes(HEAD)).unwrap()
    }

    /// How many writes there were.
    fn puts(&self) -> u64 {
        self.objects.puts.load(std::sync::atomic::Ordering::Relaxed)
    }

    async fn state(&self) -> State {
        self.store().read("shop", "dev").await.unwrap().unwrap()
    }

    /// A stack with one record, held by the first process.
    async fn begun(&self) -> (S3Store, Arc<dyn Journal>) {
        let store = self.store();
        let journal = store.open("shop", "dev", &ann()).await.unwrap();
        journal.commit(vec![start(0)]).await.unwrap();
        (store, journal)
    }
}

/// Ends the hold of whoever has the stack.
async fn unlock(store: &S3Store) -> bool {
    match store.held("shop", "dev").await.unwrap() {
        Some(held) => store.unlock("shop", "dev", &held.holder).await.unwrap(),
        None => false,
    }
}

/// A record, and one that rests on it.
fn begins_and_ends() -> [Record; 2] {
    let op = OpId::mint(&Lineage::default(), &Urn::new("dev", "shop", "", "demo:Thing", "a"), 1);
    [Record::Arrived { op: op.clone(), from: "other".to_owned(), state: Box::default() }, Record::Settled { op }]
}

/// A holder on a machine of its own.
fn named(user: &str) -> Holder {
    Holder { user: user.to_owned(), host: format!("{user}s-laptop"), boot_id: None, ..Holder::current() }
}

fn ann() -> Holder {
    named("ann")
}

fn bob() -> Holder {
    named("bob")
}

/// A record that any state takes.
fn start(at_ms: i64) -> Record {
    Record::RunStart(RunStart { command: "up".to_owned(), at_ms, ..RunStart::default() })
}

fn runs(state: &State) -> Vec<i64> {
    state.runs.iter().map(|run| run.start.at_ms).collect()
}

async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

#[tokio::test(start_paused = true)]
async fn records_are_read_by_everybody_and_a_closed_stack_is_free() {
    let place = Place::new();
    let store = place.store();
    assert!(store.read("shop", "dev").await.unwrap().is_none());
    let journal = store.open("shop", "dev", &ann()).await.unwrap();
    assert!(store.read("shop", "dev").await.unwrap().is_none(), "a stack begins with its first record");
    journal.commit(vec![start(1), Record::RunEnd(RunEnd::default())]).await.unwrap();
    journal.commit(vec![start(2)]).await.unwrap();
    journal.permit().unwrap();
    assert_eq!(runs(&place.state().await), [1, 2]);
    assert_eq!(store.stacks("shop").await.unwrap(), ["dev"]);
    journal.close().await.unwrap();
    journal.permit().unwrap_err();
    let again = place.store().open("shop", "dev", &bob()).await.unwrap();
    assert_eq!(again.state(), place.state().await);
    again.commit(vec![start(3)]).await.unwrap();
    assert_eq!(place.head().epoch, 2);
}

#[tokio::test(start_paused = true)]
async fn a_commit_is_one_request_and_its_bytes_do_not_grow_with_the_log() {
    let mut place = Place::new();
    place.settings.tail_bytes_max = 2000;
    let (_store, journal) = place.begun().await;
    let before = place.puts();
    for at_ms in 1..=100 {
        journal.commit(vec![start(at_ms)]).await.unwrap();
    }
    let puts = place.puts() - before;
    assert!((100..=115).contains(&puts), "{puts}");
    assert!(place.objects.bytes(HEAD).len() < 6000, "{}", place.objects.bytes(HEAD).len());
    assert_eq!(runs(&place.state().await), (1..=100).collect::<Vec<i64>>(), "the history keeps a hundred runs");
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_sealed_and_its_key_is_written_with_it() {
    let mut place = Place::new();
    let keys = std::env::temp_dir().join(format!("terrane-s3-keys-{}", std::process::id()));
    place.settings.key_folder = Some(keys.clone());
    let (store, journal) = place.begun().await;
    let mut exports = Properties::default();
    exports.secret.insert("password".to_owned());
    Arc::make_mut(&mut exports.values).insert("password".to_owned(), "hunter2".into());
    journal.commit(vec![Record::Outputs { exports: exports.clone() }]).await.unwrap();
    assert!(place.head().keys.is_some());
    assert!(!String::from_utf8_lossy(&place.objects.bytes(HEAD)).contains("hunter2"));
    assert_eq!(place.state().await.exports, exports);
    journal.close().await.unwrap();
    store.seal_config("shop", "dev", &mut exports).await.unwrap();
    let lineage = place.head().lineage;
    store.remove("shop", "dev", &ann()).await.unwrap();
    store.open_config("shop", "dev", &mut exports).await.unwrap();
    assert_eq!(exports.values["password"], "hunter2", "what is sealed in a file outlives the stack");
    let journal = store.open("shop", "dev", &ann()).await.unwrap();
    journal.commit(vec![Record::Outputs { exports: exports.clone() }]).await.unwrap();
    assert_ne!(place.head().lineage, lineage);
    assert_eq!(place.state().await.exports, exports);
    std::fs::remove_dir_all(&keys).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_was_removed_reads_as_none_and_is_begun_anew() {
    let mut place = Place::new();
    place.settings.tail_bytes_max = 0;
    let (store, journal) = place.begun().await;
    let before = place.head();
    place.store().remove("shop", "dev", &bob()).await.unwrap_err();
    journal.close().await.unwrap();
    store.remove("shop", "dev", &ann()).await.unwrap();
    assert_eq!(place.objects.keys(), [HEAD]);
    assert!(store.read("shop", "dev").await.unwrap().is_none());
    assert!(store.stacks("shop").await.unwrap().is_empty());
    let late = place.store().open("shop", "dev", &bob()).await.unwrap();
    store.remove("shop", "dev", &ann()).await.unwrap();
    assert!(late.commit(vec![start(6)]).await.is_err(), "a removal also ends who was about to begin");
    let journal = store.open("shop", "dev", &ann()).await.unwrap();
    journal.commit(vec![start(7)]).await.unwrap();
    assert_eq!(runs(&place.state().await), [7]);
    let after = place.head();
    assert_ne!(after.lineage, before.lineage);
    assert!(after.rev > before.rev && after.epoch > before.epoch, "neither ever goes down");
}

#[tokio::test(start_paused = true)]
async fn names_that_lead_elsewhere_are_refused() {
    let place = Place::new();
    for name in ["../x", "a/b", "", "\0", &"n".repeat(300)] {
        let error = place.store().open("shop", name, &ann()).await.map(drop).unwrap_err();
        assert!(error.to_string().contains("as the name of a stack"), "{error}");
    }
    assert!(place.objects.keys().is_empty());
}
