//! Taking a stack with the first commit, and giving it up with the last.

use super::{HEAD, Place, ann, bob, pass, runs, start, store::Effect, unlock};
use crate::{Error, Journal, Store, objects::Fault, s3};
use std::{sync::Arc, time::Duration};
use terrane_core::{Record, state::RunEnd};

fn reset() -> Fault {
    Fault::Undecided("reset".to_owned())
}

fn end() -> Record {
    Record::RunEnd(RunEnd::default())
}

async fn finish(journal: &Arc<dyn Journal>, records: Vec<Record>) -> Result<(), Error> {
    journal.finish(records, &journal.state()).await
}

/// A free stack with one record.
async fn free() -> Place {
    let place = Place::new();
    let (_store, journal) = place.begun().await;
    journal.close().await.unwrap();
    place
}

#[tokio::test(start_paused = true)]
async fn a_free_stack_is_taken_with_the_first_commit_and_given_up_with_the_last() {
    let place = free().await;
    let (before, puts) = (place.head(), place.puts());
    let journal = place.store().open("shop", "dev", &ann()).await.unwrap();
    journal.permit().unwrap_err();
    pass(Duration::from_secs(60)).await;
    assert_eq!(place.puts(), puts, "nothing is written before");
    journal.commit(vec![start(1)]).await.unwrap();
    journal.permit().unwrap();
    let head = place.head();
    assert_eq!((head.epoch, head.rev), (before.epoch + 1, before.rev + 1));
    assert_eq!(head.hold.unwrap().holder.user, "ann");
    pass(Duration::from_secs(60)).await;
    journal.permit().unwrap();
    let rev = place.head().rev;
    assert!(rev >= before.rev + 6, "signs of life are given from then on");
    finish(&journal, vec![end()]).await.unwrap();
    let head = place.head();
    assert_eq!((head.rev, head.hold, head.points.last().unwrap().seq), (rev + 1, None, 3));
    journal.permit().unwrap_err();
    journal.close().await.unwrap();
    pass(Duration::from_secs(60)).await;
    assert_eq!(place.head().rev, rev + 1, "nothing is written after");
}

#[tokio::test(start_paused = true)]
async fn a_run_may_be_one_write_or_none() {
    let place = free().await;
    let puts = place.puts();
    for records in [vec![], vec![start(1), end()]] {
        let journal = place.store().open("shop", "dev", &ann()).await.unwrap();
        let writes = u64::from(!records.is_empty());
        finish(&journal, records).await.unwrap();
        assert_eq!(place.puts(), puts + writes);
        assert!(journal.commit(vec![start(9)]).await.is_err(), "it is over");
    }
    let head = place.head();
    assert_eq!((head.epoch, head.hold), (2, None));
    assert_eq!(runs(&place.state().await), [0, 1]);
}

#[tokio::test(start_paused = true)]
async fn who_comes_late_has_written_nothing_and_is_told_who_was_first() {
    for writes in [1, 40] {
        for over in [false, true] {
            let place = free().await;
            let late = place.store().open("shop", "dev", &bob()).await.unwrap();
            let first = place.store().open("shop", "dev", &ann()).await.unwrap();
            for at_ms in 1..=writes {
                first.commit(vec![start(at_ms)]).await.unwrap();
            }
            if over {
                finish(&first, vec![end()]).await.unwrap();
            }
            let puts = place.puts();
            let error = late.commit(vec![start(90)]).await.unwrap_err();
            let Error::Locked { holder } = &error else { panic!("{error}") };
            assert_eq!(holder.as_ref().map(|holder| holder.user.as_str()), (!over).then_some("ann"));
            late.permit().unwrap_err();
            assert!(late.commit(vec![start(91)]).await.is_err(), "it is of no use any more");
            late.close().await.unwrap();
            assert_eq!(place.puts(), puts + 1, "only the attempt");
            assert_eq!(place.state().await.runs.len() as i64, writes + 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_write_without_an_answer_is_settled_like_any_other() {
    let cases = [
        (Effect::Done(reset()), 0),
        (Effect::Refused(reset()), 0),
        (Effect::Done(Fault::Precondition), 0),
        (Effect::Refused(Fault::Throttled), 0),
        (Effect::Done(reset()), 8),
        (Effect::Refused(reset()), 8),
    ];
    for (index, (effect, failed_looks)) in cases.into_iter().enumerate() {
        let place = if index % 2 == 0 { free().await } else { Place::new() };
        let store = place.store();
        let journal = store.open("shop", "dev", &ann()).await.unwrap();
        place.objects.on("put", HEAD, effect);
        for _ in 0..failed_looks {
            place.objects.on("get", HEAD, Effect::Refused(reset()));
        }
        let first = journal.commit(vec![start(1)]).await;
        assert_eq!(first.is_ok(), failed_looks == 0, "case {index}");
        assert_eq!(journal.permit().is_ok(), first.is_ok(), "case {index}");
        journal.commit(vec![start(2)]).await.unwrap();
        journal.permit().unwrap();
        assert!(runs(&place.state().await).ends_with(&[1, 2]), "case {index}");
        journal.close().await.unwrap();
        assert_eq!(place.head().hold, None, "case {index}");
    }
}

#[tokio::test(start_paused = true)]
async fn whether_a_first_write_was_carried_out_before_many_others_is_not_made_up() {
    for (carried_out, writes) in [(true, 1), (true, 40), (false, 1), (false, 40)] {
        let place = free().await;
        let journal = place.store().open("shop", "dev", &ann()).await.unwrap();
        place.objects.on("put", HEAD, if carried_out { Effect::Done(reset()) } else { Effect::Refused(reset()) });
        for _ in 0..place.settings.attempts_max {
            place.objects.on("get", HEAD, Effect::Refused(reset()));
        }
        let error = journal.commit(vec![start(1)]).await.unwrap_err();
        assert!(matches!(error, Error::S3(s3::Error::Undecided { .. })), "{error}");
        let other = place.store();
        unlock(&other).await;
        let taken = other.open("shop", "dev", &bob()).await.unwrap();
        for at_ms in 10..10 + writes {
            taken.commit(vec![start(at_ms)]).await.unwrap();
        }
        let error = journal.commit(vec![start(2)]).await.unwrap_err();
        assert_eq!(matches!(error, Error::Locked { .. }), !carried_out, "{error}");
        journal.close().await.unwrap();
        assert_eq!(runs(&place.state().await).contains(&1), carried_out);
        taken.permit().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_without_an_answer_is_settled_and_nothing_is_written_after_it() {
    for carried_out in [true, false] {
        let place = free().await;
        let journal = place.store().open("shop", "dev", &ann()).await.unwrap();
        journal.commit(vec![start(1)]).await.unwrap();
        let rev = place.head().rev;
        place.objects.on("put", HEAD, if carried_out { Effect::Done(reset()) } else { Effect::Refused(reset()) });
        for _ in 0..place.settings.attempts_max {
            place.objects.on("get", HEAD, Effect::Refused(reset()));
        }
        finish(&journal, vec![end()]).await.unwrap_err();
        journal.close().await.unwrap();
        pass(Duration::from_secs(60)).await;
        let head = place.head();
        assert_eq!((head.rev, head.hold, head.chain.last), (rev + 1, None, 3), "carried out: {carried_out}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_waits_for_a_log_that_is_overdue_only() {
    let mut place = Place::new();
    place.settings.tail_bytes_max = 0;
    place.settings.segments_max = 4;
    for at_ms in 0..20 {
        let journal = place.store().open("shop", "dev", &ann()).await.unwrap();
        finish(&journal, vec![start(at_ms), end()]).await.unwrap();
        let head = place.head();
        assert_eq!((head.hold, head.points.last().unwrap().seq), (None, head.chain.last));
        assert!(head.chain.segments.len() < 8, "{}", head.chain.segments.len());
    }
    assert!(place.head().chain.snapshot.is_some());
    assert_eq!(runs(&place.state().await), (0..20).collect::<Vec<i64>>());
}
