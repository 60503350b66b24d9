//! Objects that are not what was written, or not there.

use super::{HEAD, Place, ann, bob, pass, runs, start, store::Effect};
use crate::{Error, Store, objects::Fault};
use bytes::Bytes;
use std::sync::Arc;
use tokio::sync::Semaphore;

const RUNS: i64 = 26;

/// A stack with a snapshot, a segment, a former chain and a tail.
async fn whole() -> Place {
    let mut place = Place::new();
    place.settings.tail_bytes_max = 400;
    place.settings.segments_max = 2;
    let (_store, journal) = place.begun().await;
    for at_ms in 1..=RUNS {
        journal.commit(vec![start(at_ms)]).await.unwrap();
        journal.seal(&journal.state()).await.unwrap();
    }
    journal.close().await.unwrap();
    let chain = place.head().chain;
    assert!(chain.snapshot.is_some() && !chain.segments.is_empty() && !chain.tail.is_empty(), "{chain:?}");
    place
}

/// The key of the object of a kind that is in use.
fn in_use(place: &Place, kind: &str) -> String {
    let head = place.head();
    let id = match kind {
        "snap" => head.chain.snapshot.unwrap().id.clone(),
        "log" => head.chain.segments[0].id.clone(),
        _ => head.points[0].chain.clone().unwrap().id.clone(),
    };
    format!("shop/dev/{kind}/{id}")
}

/// What reading and opening say.
async fn errors(place: &Place) -> Vec<String> {
    let store = place.store();
    let points = store.restore_points("shop", "dev").await.unwrap_or_default();
    let mut errors = Vec::new();
    errors.extend(store.read("shop", "dev").await.err());
    match store.open("shop", "dev", &ann()).await {
        Ok(journal) => journal.close().await.unwrap(),
        Err(error) => errors.push(error),
    }
    errors.extend(store.read_at("shop", "dev", points.first().map_or(0, |point| point.seq)).await.err());
    errors.iter().map(ToString::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn a_damaged_object_is_refused_by_name_and_nothing_is_written() {
    for kind in ["snap", "log", "chain", "head"] {
        let place = whole().await;
        let key = if kind == "head" { HEAD.to_owned() } else { in_use(&place, kind) };
        let good = place.objects.bytes(&key);
        for at in (0..good.len()).step_by(good.len() / 40) {
            let mut flipped = good.to_vec();
            flipped[at] ^= 1;
            for bad in [flipped, good[..at].to_vec()] {
                place.objects.set(&key, Some(Bytes::from(bad)));
                let keys = place.objects.keys();
                let errors = errors(&place).await;
                assert!(!errors.is_empty(), "{kind} at {at}");
                assert!(errors.iter().all(|error| error.contains(&key)), "{kind} at {at}: {errors:?}");
                assert_eq!(place.objects.keys(), keys);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_missing_object_is_damage_and_never_the_end_of_the_log() {
    for kind in ["snap", "log", "chain"] {
        let place = whole().await;
        let key = in_use(&place, kind);
        place.objects.set(&key, None);
        let errors = errors(&place).await;
        assert!(!errors.is_empty());
        assert!(errors.iter().all(|error| error.contains(&key) && error.contains("is missing")), "{errors:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_of_a_newer_version_is_refused_by_its_version() {
    let place = whole().await;
    let text = String::from_utf8(place.objects.bytes(HEAD).to_vec()).unwrap();
    let newer = text.replacen("terrane-head 1 1 ", "terrane-head 9 9 ", 1);
    place.objects.set(HEAD, Some(Bytes::from(newer)));
    let store = place.store();
    let error = store.read("shop", "dev").await.unwrap_err().to_string();
    assert_eq!(error, "s3://test/here/shop/dev/head has format 9, this Terrane reads up to format 1: use a newer one");
    let readable = text.replacen("terrane-head 1 1 ", "terrane-head 9 1 ", 1);
    place.objects.set(HEAD, Some(Bytes::from(readable)));
    assert_eq!(store.read("shop", "dev").await.unwrap().unwrap().runs.len() as i64, RUNS + 1);
    let error = store.open("shop", "dev", &ann()).await.map(drop).unwrap_err().to_string();
    assert_eq!(error, "s3://test/here/shop/dev/head has format 9, this Terrane writes up to format 1: use a newer one");
}

#[tokio::test(start_paused = true)]
async fn a_damaged_state_is_set_aside_with_all_that_it_refers_to() {
    for kind in ["snap", "log", "head"] {
        let place = whole().await;
        let before = place.head();
        let key = if kind == "head" { HEAD.to_owned() } else { in_use(&place, kind) };
        let mut bad = place.objects.bytes(&key).to_vec();
        *bad.last_mut().unwrap() ^= 1;
        place.objects.set(&key, Some(Bytes::from(bad)));
        let (damaged, keys) = (place.objects.bytes(HEAD), place.objects.keys());

        let store = place.store();
        assert!(store.read("shop", "dev").await.unwrap_err().is_damage());
        let aside = store.set_aside("shop", "dev", &ann()).await.unwrap();
        assert_eq!(aside, "s3://test/here/shop/dev/head.damaged-1");
        assert_eq!(place.objects.bytes("shop/dev/head.damaged-1"), damaged);
        assert!(store.read("shop", "dev").await.unwrap().is_none());
        let journal = store.open("shop", "dev", &ann()).await.unwrap();
        pass(2 * place.settings.garbage_age).await;
        for at_ms in 1..=RUNS {
            journal.commit(vec![start(at_ms)]).await.unwrap();
            journal.seal(&journal.state()).await.unwrap();
        }
        assert_eq!(runs(&place.state().await), (1..=RUNS).collect::<Vec<_>>());
        let after = place.head();
        assert!(after.rev > before.rev && after.epoch > before.epoch && after.lineage != before.lineage);
        let now = place.objects.keys();
        assert!(keys.iter().all(|key| now.contains(key)), "nothing of it is swept up");
    }
}

#[tokio::test(start_paused = true)]
async fn a_state_that_loads_is_not_set_aside() {
    let place = whole().await;
    let keys = place.objects.keys();
    let refused = place.store().set_aside("shop", "dev", &ann()).await.unwrap_err();
    assert!(matches!(refused, Error::Whole { .. }), "{refused}");
    assert_eq!(place.objects.keys(), keys);
}

#[tokio::test(start_paused = true)]
async fn a_copy_stays_when_others_write_before_it_is_known_that_the_state_was_set_aside() {
    let place = whole().await;
    let damaged = Bytes::from_static(b"terrane-head 1 1 0\n{}");
    place.objects.set(HEAD, Some(damaged.clone()));
    let look = Arc::new(Semaphore::new(1));
    // The first is the copy.
    place.objects.on("put", HEAD, Effect::Held(Arc::new(Semaphore::new(1))));
    place.objects.on("put", HEAD, Effect::Done(Fault::Undecided("reset".to_owned())));
    for _ in 0..2 {
        place.objects.on("get", HEAD, Effect::Held(look.clone()));
    }
    let store = place.store();
    let set_aside = tokio::spawn(async move { store.set_aside("shop", "dev", &ann()).await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!((place.objects.bytes(HEAD) == damaged, place.objects.left("get")), (false, 0));
    let journal = place.store().open("shop", "dev", &bob()).await.unwrap();
    journal.commit(vec![start(1)]).await.unwrap();
    look.add_permits(1);
    assert_eq!(set_aside.await.unwrap().unwrap(), "s3://test/here/shop/dev/head.damaged-1");
    assert_eq!(place.objects.bytes("shop/dev/head.damaged-1"), damaged);
    assert_eq!(runs(&place.state().await), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_stack_is_listed_and_what_was_set_aside_outlives_its_removal() {
    let place = whole().await;
    let key = in_use(&place, "log");
    place.objects.set(HEAD, Some(Bytes::from_static(b"?")));
    let store = place.store();
    assert_eq!(store.stacks("shop").await.unwrap(), ["dev"]);
    store.set_aside("shop", "dev", &ann()).await.unwrap();
    store.remove("shop", "dev", &ann()).await.unwrap();
    let keys = place.objects.keys();
    assert!(keys.contains(&key) && keys.contains(&"shop/dev/head.damaged-1".to_owned()), "{keys:?}");
}

#[tokio::test(start_paused = true)]
async fn a_state_that_somebody_works_on_is_not_set_aside() {
    let place = Place::new();
    let (store, journal) = place.begun().await;
    let refused = place.store().set_aside("shop", "dev", &bob()).await.unwrap_err();
    assert!(matches!(refused, Error::Locked { .. }), "{refused}");
    assert_eq!(place.objects.keys(), [HEAD]);
    journal.commit(vec![start(1)]).await.unwrap();
    drop(store);
}
