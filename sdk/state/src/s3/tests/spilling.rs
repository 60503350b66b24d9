//! Segments that are written beside the commits.

use super::{HEAD, Place, runs, start, store::Effect};
use crate::objects::Fault;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// A place whose head has room for some twenty records.
fn roomy() -> Place {
    let mut place = Place::new();
    place.settings.tail_bytes_max = 2000;
    place
}

#[tokio::test(start_paused = true)]
async fn commits_go_on_beside_a_segment_until_the_head_is_full() {
    let place = roomy();
    let (_store, journal) = place.begun().await;
    let gate = Arc::new(Semaphore::new(0));
    place.objects.on("put", "/log/", Effect::Held(gate.clone()));
    let mut at_ms = 1;
    loop {
        let (writer, record) = (journal.clone(), start(at_ms));
        let commit = tokio::spawn(async move { writer.commit(vec![record]).await.unwrap() });
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        if !commit.is_finished() {
            assert!(place.head().chain.tail_bytes() > 1500, "it waits only when the head is full");
            gate.add_permits(1);
            commit.await.unwrap();
            break;
        }
        at_ms += 1;
    }
    let head = place.head();
    assert_eq!(head.chain.segments.len(), 1);
    assert!(head.chain.tail_bytes() < 1500, "{}", head.chain.tail_bytes());
    assert_eq!(runs(&place.state().await), (0..=at_ms).collect::<Vec<i64>>());
}

#[tokio::test(start_paused = true)]
async fn a_segment_that_was_not_written_or_not_referred_to_takes_no_records_along() {
    let place = roomy();
    let (_store, journal) = place.begun().await;
    for _ in 0..place.settings.attempts_max {
        place.objects.on("put", "/log/", Effect::Refused(Fault::Throttled));
    }
    let mut kept = vec![0];
    for at_ms in 1..=60 {
        if at_ms % 7 == 0 {
            for _ in 0..place.settings.attempts_max {
                place.objects.on("put", HEAD, Effect::Refused(Fault::Throttled));
            }
        }
        if journal.commit(vec![start(at_ms)]).await.is_ok() {
            kept.push(at_ms);
        }
        assert!(place.head().chain.tail_bytes() <= 2000);
    }
    assert_eq!(runs(&place.state().await), kept);
    assert!(!place.head().chain.segments.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_segment_may_come_after_the_snapshot_that_has_its_records() {
    for many in [false, true] {
        let mut place = roomy();
        place.settings.log_bytes_min = 1200;
        let (_store, journal) = place.begun().await;
        let gate = Arc::new(Semaphore::new(0));
        place.objects.on("put", "/log/", Effect::Held(gate.clone()));
        let mut at_ms = 0;
        while place.head().chain.snapshot.is_none() {
            at_ms += 1;
            journal.commit(vec![start(at_ms)]).await.unwrap();
            tokio::task::yield_now().await;
        }
        if many {
            gate.add_permits(1);
        }
        for later in at_ms + 1..=at_ms + 9 {
            journal.commit(vec![start(later)]).await.unwrap();
        }
        gate.add_permits(1);
        journal.seal(&journal.state()).await.unwrap();
        assert_eq!(runs(&place.state().await), (0..=at_ms + 9).collect::<Vec<i64>>());
    }
}
