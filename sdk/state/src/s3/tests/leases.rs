//! Who holds a stack: signs of life, silence, death and the end of a hold.

use super::{HEAD, Place, ann, bob, pass, runs, start, store::Effect};
use crate::{Error, Holder, Store};
use futures_util::future::join;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

fn is_locked<T>(opened: &Result<T, Error>) -> bool {
    matches!(opened, Err(Error::Locked { .. }))
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_lives_is_never_replaced() {
    let place = Place::new();
    let (_store, journal) = place.begun().await;
    let other = place.store();
    for _ in 0..40 {
        assert!(is_locked(&other.open("shop", "dev", &bob()).await));
        journal.permit().unwrap();
        pass(Duration::from_secs(17)).await;
    }
    let held = other.held("shop", "dev").await.unwrap().unwrap();
    assert_eq!(held.holder.user, "ann");
    assert!(held.silent_ms <= 17_000, "{}", held.silent_ms);
}

#[tokio::test(start_paused = true)]
async fn a_silent_holder_is_replaced_after_ninety_seconds_of_watching() {
    let place = Place::new();
    let (store, journal) = place.begun().await;
    drop(journal);
    drop(store);
    pass(Duration::from_secs(1000)).await;
    let other = place.store();
    assert!(is_locked(&other.open("shop", "dev", &bob()).await), "silence before the first look doesn't count");
    pass(Duration::from_secs(60)).await;
    let held = other.held("shop", "dev").await.unwrap().unwrap();
    assert!((59_000..=60_000).contains(&held.silent_ms), "{}", held.silent_ms);
    assert_eq!(held.takeover_in_ms, Some(90_000 - held.silent_ms));
    assert!(is_locked(&other.open("shop", "dev", &bob()).await));
    pass(Duration::from_secs(31)).await;
    let before = place.head().epoch;
    let taken = other.open("shop", "dev", &bob()).await.unwrap();
    assert_eq!(place.head().epoch, before + 1);
    assert!(taken.quiet() >= Duration::from_secs(70), "it may have begun calls until 20 s after its last sign of life");
    taken.commit(vec![start(1)]).await.unwrap();
    assert_eq!(runs(&place.state().await), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_zombie_has_no_permit_before_it_can_be_replaced_and_can_not_commit_after() {
    let place = Place::new();
    let (_store, journal) = place.begun().await;
    let stuck = Arc::new(Semaphore::new(0));
    place.objects.on("put", HEAD, Effect::Held(stuck.clone()));
    let zombie = journal.clone();
    let commit = tokio::spawn(async move { zombie.commit(vec![start(1)]).await });
    let other = place.store();
    let mut waited_s = 0;
    let taken = loop {
        match other.open("shop", "dev", &bob()).await {
            Ok(taken) => break taken,
            Err(error) => assert!(is_locked::<()>(&Err(error))),
        }
        let is_stale = matches!(journal.permit(), Err(Error::LeaseStale { .. }));
        assert_eq!((is_stale, journal.permit().is_err()), (waited_s > 20, waited_s > 20), "after {waited_s} s");
        pass(Duration::from_secs(1)).await;
        waited_s += 1;
    };
    assert!((90..=92).contains(&waited_s), "{waited_s}");
    stuck.add_permits(1);
    let error = commit.await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::LeaseLost { by: Some(by) } if by.user == "bob"), "{error}");
    taken.permit().unwrap();
    assert_eq!(runs(&place.state().await), [0]);
}

#[tokio::test(start_paused = true)]
async fn a_permit_that_was_stale_comes_back_with_the_next_sign_of_life() {
    let place = Place::new();
    let (_store, journal) = place.begun().await;
    let stuck = Arc::new(Semaphore::new(0));
    place.objects.on("put", HEAD, Effect::Held(stuck.clone()));
    pass(Duration::from_secs(40)).await;
    assert!(matches!(journal.permit(), Err(Error::LeaseStale { silent_ms }) if silent_ms >= 40_000));
    stuck.add_permits(1);
    pass(Duration::from_secs(5)).await;
    journal.permit().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_this_machine_knows_to_be_dead_is_replaced_at_once() {
    let here = Holder { boot_id: Some("b".to_owned()), pid_namespace: Some(1), ..ann() };
    let elsewhere = [
        Holder { boot_id: Some("c".to_owned()), ..here.clone() },
        Holder { pid_namespace: Some(2), ..here.clone() },
        Holder { host: "other".to_owned(), ..here.clone() },
        Holder { boot_id: None, ..here.clone() },
    ];
    for (alive, dead) in [(true, false), (false, true)] {
        let mut place = Place::new();
        place.settings.is_alive = Arc::new(move |_| alive);
        let journal = place.store().open("shop", "dev", &here).await.unwrap();
        journal.commit(vec![start(0)]).await.unwrap();
        drop(journal);
        for other in &elsewhere {
            assert!(is_locked(&place.store().open("shop", "dev", other).await));
        }
        assert_eq!(place.store().open("shop", "dev", &here).await.is_ok(), dead);
    }
    assert!(Holder::current().is_alive());
    assert!(!Holder { pid_start: Some(1), ..Holder::current() }.is_alive(), "another process has its number now");
    assert!(!Holder { pid: 0x3fff_fff0, ..Holder::current() }.is_alive());
}

#[tokio::test(start_paused = true)]
async fn a_process_knows_that_it_dropped_a_journal() {
    let place = Place::new();
    let (store, journal) = place.begun().await;
    assert!(is_locked(&store.open("shop", "dev", &ann()).await));
    drop(journal);
    let before = place.head().epoch;
    let taken = store.open("shop", "dev", &ann()).await.unwrap();
    assert_eq!(place.head().epoch, before + 1);
    assert_eq!(taken.quiet(), Duration::ZERO, "it may have begun a call a moment ago");
}

#[tokio::test(start_paused = true)]
async fn unlocking_fences_the_holder() {
    let place = Place::new();
    let (_store, journal) = place.begun().await;
    let before = place.head();
    let other = place.store();
    let confirmed = before.hold.clone().unwrap().holder;
    let earlier = Holder { since: confirmed.since - Duration::from_secs(60), ..confirmed.clone() };
    for another in [earlier, bob()] {
        let refused = other.unlock("shop", "dev", &another).await.unwrap_err();
        assert!(matches!(&refused, Error::Locked { holder: Some(now) } if now.user == "ann"), "{refused}");
    }
    assert_eq!(place.head().epoch, before.epoch);
    assert!(other.unlock("shop", "dev", &confirmed).await.unwrap());
    assert_eq!(place.head().epoch, before.epoch + 2);
    assert!(journal.permit().is_err(), "the stack is free when the former holder may begin nothing any more");
    assert!(!other.unlock("shop", "dev", &confirmed).await.unwrap());
    let error = journal.commit(vec![start(1)]).await.unwrap_err();
    assert!(matches!(error, Error::LeaseLost { .. }), "{error}");
    journal.close().await.unwrap();
    assert_eq!(runs(&place.state().await), [0]);
}

#[tokio::test(start_paused = true)]
async fn of_two_that_begin_a_stack_at_the_same_moment_one_does() {
    let place = Place::new();
    let (one, two) = (place.store(), place.store());
    let (ann, bob) = (ann(), bob());
    let (one, two) = join(one.open("shop", "dev", &ann), two.open("shop", "dev", &bob)).await;
    let (one, two) = (one.unwrap(), two.unwrap());
    let (one, two) = join(one.commit(vec![start(1)]), two.commit(vec![start(2)])).await;
    assert_ne!(one.is_ok(), two.is_ok());
    assert!(is_locked(&one.and(two)));
    assert_eq!(place.state().await.runs.len(), 1);
}
