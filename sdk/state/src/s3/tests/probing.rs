//! Stores that break a rule are found out before anything is written to them.

use super::{
    HEAD, Place, ann, start,
    store::{Breach, Effect, TestObjects},
};
use crate::{Store, objects::Fault};

#[tokio::test(start_paused = true)]
async fn a_store_that_breaks_a_rule_is_refused_and_the_step_is_named() {
    let cases = [
        (Breach::IgnoresAbsent, "creating an object that exists: it was done"),
        (Breach::IgnoresMatch, "swapping with an ETag of the past: it was done"),
        (Breach::Racy, "creating an object at the same moment: 8 of 8 succeeded"),
        (Breach::Inverted, "creating an object: refused"),
        (Breach::StaleReads, "reading after a write: an older content was read"),
        (Breach::ConstantETag, "swapping an object: two contents have the same ETag 0"),
        (Breach::IgnoresKnown, "reading an object only if it changed: it was read although it had not changed"),
    ];
    for (breach, step) in cases {
        let mut place = Place::new();
        place.objects = TestObjects::new(breach);
        place.settings.probe_racers = 8;
        let journal = place.store().open("shop", "dev", &ann()).await.unwrap();
        assert_eq!(place.puts(), 0, "who writes nothing tries nothing out");
        let error = journal.commit(vec![start(1)]).await.unwrap_err().to_string();
        assert!(error.starts_with("s3://test/here can't keep state safely: ") && error.contains(step), "{error}");
        assert!(place.objects.keys().is_empty(), "{:?}", place.objects.keys());
    }
}

#[tokio::test(start_paused = true)]
async fn a_good_store_is_tried_out_once_a_day_and_its_faults_are_borne() {
    let place = Place::new();
    let reset = || Fault::Undecided("reset".to_owned());
    for effect in [Effect::Done(reset()), Effect::Refused(reset()), Effect::Refused(Fault::Throttled)] {
        place.objects.on("put", "-one", effect);
    }
    place.objects.on("put", "-race", Effect::Done(reset()));
    let (_store, journal) = place.begun().await;
    journal.close().await.unwrap();
    assert_eq!(place.objects.keys(), [HEAD]);
    let before = place.puts();
    let journal = place.store().open("shop", "dev", &ann()).await.unwrap();
    journal.commit(vec![start(1)]).await.unwrap();
    assert_eq!(place.puts(), before + 1, "the head vouches for it");
    journal.close().await.unwrap();
    super::pass(place.settings.proof).await;
    let journal = place.store().open("shop", "dev", &ann()).await.unwrap();
    journal.commit(vec![start(2)]).await.unwrap();
    assert!(place.puts() > before + 6);
}
