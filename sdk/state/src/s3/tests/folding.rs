//! Snapshots, restore points, and what is swept up.

use super::{Place, runs, start, store::Effect};
use crate::{Journal, Store, objects::Fault};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

/// A place where each commit makes a segment, and a few are folded.
fn folding() -> Place {
    let mut place = Place::new();
    place.settings.tail_bytes_max = 0;
    place.settings.segments_max = 4;
    place
}

async fn run(journal: &Arc<dyn Journal>, at_ms: i64) {
    journal.commit(vec![start(at_ms)]).await.unwrap();
    journal.seal(&journal.state()).await.unwrap();
}

fn count(place: &Place, part: &str) -> usize {
    place.objects.keys().iter().filter(|key| key.contains(part)).count()
}

#[tokio::test(start_paused = true)]
async fn records_that_are_committed_while_the_log_is_folded_stay() {
    let place = folding();
    let (_store, journal) = place.begun().await;
    let gate = Arc::new(Semaphore::new(0));
    place.objects.on("put", "/snap/", Effect::Held(gate.clone()));
    for at_ms in 1..=9 {
        journal.commit(vec![start(at_ms)]).await.unwrap();
    }
    gate.add_permits(1);
    while place.head().chain.snapshot.is_none() {
        tokio::task::yield_now().await;
    }
    journal.commit(vec![start(10)]).await.unwrap();
    assert_eq!(runs(&place.state().await), (0..=10).collect::<Vec<i64>>());
    let chain = place.head().chain;
    let folded = chain.snapshot.unwrap().last;
    assert!(folded < 9, "{folded}");
    assert_eq!(chain.segments.first().map(|part| part.first), Some(folded + 1));
}

#[tokio::test(start_paused = true)]
async fn a_tail_is_folded_too_and_a_segment_may_begin_before_the_snapshot_ends() {
    let mut place = folding();
    place.settings.tail_bytes_max = 400;
    place.settings.segments_max = 2;
    let (_store, journal) = place.begun().await;
    let gate = Arc::new(Semaphore::new(0));
    place.objects.on("put", "/snap/", Effect::Held(gate.clone()));
    for at_ms in 1..=30 {
        journal.commit(vec![start(at_ms)]).await.unwrap();
        if at_ms == 20 {
            gate.add_permits(1);
        }
    }
    journal.seal(&journal.state()).await.unwrap();
    assert!(place.head().chain.snapshot.is_some());
    assert_eq!(runs(&place.state().await), (0..=30).collect::<Vec<i64>>());
}

#[tokio::test(start_paused = true)]
async fn each_run_leaves_a_point_to_return_to_and_the_newest_are_kept() {
    let mut place = folding();
    place.settings.points_max = 7;
    let (store, journal) = place.begun().await;
    for at_ms in 1..=20 {
        run(&journal, at_ms).await;
    }
    let points = store.restore_points("shop", "dev").await.unwrap();
    assert_eq!(points.iter().map(|point| point.seq).collect::<Vec<u64>>(), (15..=21).collect::<Vec<u64>>());
    for point in &points {
        let state = place.store().read_at("shop", "dev", point.seq).await.unwrap();
        assert_eq!(runs(&state), (0..point.seq as i64).collect::<Vec<i64>>());
    }
    let error = store.read_at("shop", "dev", 3).await.unwrap_err().to_string();
    assert_eq!(error, "s3://test/here/shop/dev/: no state is kept for record 3; `stack history` lists those that are");
    let before = place.head().rev;
    journal.seal(&journal.state()).await.unwrap();
    assert_eq!(place.head().rev, before, "a run without records leaves none");
}

#[tokio::test(start_paused = true)]
async fn only_what_is_old_and_in_use_by_nobody_is_swept_up() {
    let mut place = folding();
    place.settings.points_max = 3;
    let (_store, journal) = place.begun().await;
    for at_ms in 1..=30 {
        run(&journal, at_ms).await;
    }
    assert_eq!(count(&place, "/log/"), 31, "what is young stays");
    tokio::time::sleep(Duration::from_secs(4000)).await;
    for at_ms in 31..=36 {
        run(&journal, at_ms).await;
    }
    assert!(count(&place, "/log/") <= 12, "{:?}", place.objects.keys());
    assert!(count(&place, "/snap/") <= 4, "{:?}", place.objects.keys());
    let store = place.store();
    for point in store.restore_points("shop", "dev").await.unwrap() {
        store.read_at("shop", "dev", point.seq).await.unwrap();
    }
    assert_eq!(runs(&place.state().await), (0..=36).collect::<Vec<i64>>());
}

#[tokio::test(start_paused = true)]
async fn who_may_not_sweep_up_still_folds() {
    let place = folding();
    let (_store, journal) = place.begun().await;
    for _ in 0..100 {
        place.objects.on("list", "", Effect::Refused(Fault::Denied("AccessDenied".to_owned())));
    }
    for at_ms in 1..=60 {
        run(&journal, at_ms).await;
    }
    assert!(count(&place, "/snap/") > 6, "{:?}", place.objects.keys());
    assert!(place.objects.left("list") > 90, "it is not tried again and again");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_is_not_what_was_written_takes_nobodys_place() {
    let place = folding();
    let (_store, journal) = place.begun().await;
    place.objects.on("put", "/snap/", Effect::Torn);
    for at_ms in 1..=4 {
        run(&journal, at_ms).await;
    }
    assert_eq!(count(&place, "/snap/"), 2, "the next attempt is whole");
    assert!(place.head().chain.snapshot.is_some());
    assert_eq!(runs(&place.state().await), (0..=4).collect::<Vec<i64>>());
}
