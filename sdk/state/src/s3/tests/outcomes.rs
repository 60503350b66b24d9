//! What becomes of a write whose answer is lost, late or wrong.

use super::{HEAD, Place, begins_and_ends, bob, runs, start, store::Effect, unlock};
use crate::{Error, Journal, Store, objects::Fault, s3};
use std::sync::Arc;
use tokio::sync::Semaphore;

fn reset() -> Fault {
    Fault::Undecided("reset".to_owned())
}

/// A gate that is shut.
fn gate() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(0))
}

/// Commits in the background.
fn committing(journal: &Arc<dyn Journal>, at_ms: i64) -> tokio::task::JoinHandle<Result<(), Error>> {
    let journal = journal.clone();
    tokio::spawn(async move { journal.commit(vec![start(at_ms)]).await })
}

#[tokio::test(start_paused = true)]
async fn a_write_is_sent_until_it_is_decided_and_counts_once() {
    let denied = Fault::Denied("ExpiredToken".to_owned());
    let cases = [
        vec![Effect::Done(reset())],
        vec![Effect::Refused(reset())],
        vec![Effect::Refused(reset()), Effect::Done(reset())],
        vec![Effect::Done(Fault::Precondition)],
        vec![Effect::Refused(Fault::Conflict), Effect::Done(Fault::Conflict)],
        vec![Effect::Refused(Fault::Throttled), Effect::Refused(Fault::Throttled)],
        vec![Effect::Refused(denied.clone())],
        vec![Effect::Done(denied)],
    ];
    for (index, effects) in cases.into_iter().enumerate() {
        let place = Place::new();
        let (_store, journal) = place.begun().await;
        let before = place.head().rev;
        for effect in effects {
            place.objects.on("put", HEAD, effect);
        }
        journal.commit(vec![start(1)]).await.unwrap();
        assert_eq!(runs(&place.state().await), [0, 1], "case {index}");
        assert_eq!(place.head().rev, before + 1, "case {index}");
        journal.commit(vec![start(2)]).await.unwrap();
        assert_eq!(runs(&place.state().await), [0, 1, 2], "case {index}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_look_at_the_head_is_no_verdict_and_the_next_write_settles_it() {
    for answer in [Effect::Done(reset()), Effect::Refused(reset())] {
        let place = Place::new();
        let (_store, journal) = place.begun().await;
        place.objects.on("put", HEAD, answer);
        for _ in 0..place.settings.attempts_max {
            place.objects.on("get", HEAD, Effect::Refused(reset()));
        }
        let error = journal.commit(vec![start(1)]).await.unwrap_err();
        assert!(matches!(error, Error::S3(s3::Error::Undecided { .. })), "{error}");
        journal.commit(vec![start(2)]).await.unwrap();
        assert_eq!(runs(&place.state().await), [0, 1, 2]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_was_refused_every_time_was_not_carried_out() {
    let place = Place::new();
    let (_store, journal) = place.begun().await;
    for _ in 0..place.settings.attempts_max {
        place.objects.on("put", HEAD, Effect::Refused(Fault::Throttled));
    }
    let error = journal.commit(vec![start(1)]).await.unwrap_err();
    assert!(matches!(error, Error::S3(s3::Error::NotWritten { .. })), "{error}");
    journal.commit(vec![start(2)]).await.unwrap();
    assert_eq!(runs(&place.state().await), [0, 2]);
}

#[tokio::test(start_paused = true)]
async fn what_rests_on_a_record_that_was_not_written_is_refused() {
    let mut place = Place::new();
    place.settings.tail_bytes_max = 0;
    let (_store, journal) = place.begun().await;
    let [begins, ends] = begins_and_ends();
    for _ in 0..place.settings.attempts_max {
        place.objects.on("put", HEAD, Effect::Refused(Fault::Throttled));
    }
    journal.commit(vec![begins]).await.unwrap_err();
    let error = journal.commit(vec![start(1), ends.clone()]).await.unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)) && error.is_unwritten(), "{error}");
    assert!(matches!(journal.commit(vec![ends]).await, Err(Error::Corrupt(_))), "nor after one that was refused");
    journal.commit(vec![start(2)]).await.unwrap();
    assert_eq!(runs(&place.state().await), [0, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_write_is_found_behind_a_head_that_moved_on() {
    let place = Place::new();
    let (_store, journal) = place.begun().await;
    let look = gate();
    place.objects.on("put", HEAD, Effect::Done(reset()));
    place.objects.on("get", HEAD, Effect::Held(look.clone()));
    let commit = committing(&journal, 1);
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    let other = place.store();
    while other.read("shop", "dev").await.unwrap().unwrap().runs.len() < 2 {}
    assert!(unlock(&other).await);
    let taken = other.open("shop", "dev", &bob()).await.unwrap();
    taken.commit(vec![start(2)]).await.unwrap();
    look.add_permits(1);
    commit.await.unwrap().unwrap();
    let error = journal.permit().unwrap_err();
    assert!(matches!(&error, Error::LeaseLost { by: Some(by) } if by.user == "bob"), "{error}");
    assert_eq!(runs(&taken.state()), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_lost_the_stack_can_not_write_however_late() {
    let place = Place::new();
    let (_store, journal) = place.begun().await;
    let late = gate();
    place.objects.on("put", HEAD, Effect::Held(late.clone()));
    let commit = committing(&journal, 1);
    tokio::task::yield_now().await;
    let other = place.store();
    assert!(unlock(&other).await);
    let taken = other.open("shop", "dev", &bob()).await.unwrap();
    for at_ms in 10..40 {
        taken.commit(vec![start(at_ms)]).await.unwrap();
    }
    late.add_permits(1);
    let error = commit.await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::LeaseLost { by: Some(by) } if by.user == "bob"), "{error}");
    assert!(journal.commit(vec![start(2)]).await.is_err());
    assert!(!runs(&place.state().await).iter().any(|at_ms| [1, 2].contains(at_ms)));
    taken.permit().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_head_that_was_deleted_or_brought_back_ends_the_run() {
    for back in [false, true] {
        let place = Place::new();
        let (_store, journal) = place.begun().await;
        let former = place.objects.bytes(HEAD);
        journal.commit(vec![start(1)]).await.unwrap();
        place.objects.set(HEAD, back.then_some(former));
        let error = journal.commit(vec![start(2)]).await.unwrap_err();
        assert!(matches!(error, Error::S3(s3::Error::WentBack { .. })), "{error}");
        journal.permit().unwrap_err();
    }
}
