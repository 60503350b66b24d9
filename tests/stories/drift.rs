//! Objects that change or go behind the engine's back.

use crate::support::{
    journal::{Stop, Watch},
    *,
};
use std::sync::Arc;
use terrane_engine::Error;

fn program(stack: &Stack, demo: &On<Demo>) -> Result<()> {
    let a = stack.add(demo, Thing::new("a").value("x"));
    stack.add(demo, Thing::new("b").value(&a.id).label("seen").ignoring(["label"]));
    stack.add(demo, Watched::new("w").value("x"));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_refresh_sees_what_changed_what_is_gone_and_what_only_tells_otherwise() {
    let story = Story::new("refresh");
    story.up(program).await;
    story.cloud.tamper("a-1", "value", "y");
    story.cloud.tamper("b-1", "label", "somebody's");
    story.cloud.calls();
    // Only kinds that are cheap to read are looked at without being asked.
    insta::assert_snapshot!(story.up(program).await, @r"
        report
          Done
    ");
    insta::assert_snapshot!(story.refreshing().up(program).await, @r"
        plan
          update a: value y -> x because value changes; the real object differs from state
        calls
          update a-1
        report
          Done 1 updated
    ");
    story.cloud.lose("a-1");
    story.cloud.touch("b-1");
    insta::assert_snapshot!(story.refreshing().up(program).await, @r"
        plan
          create a
          may update b: value a-1 -> known after a.id because value is known after a.id
        calls
          create a
          update b-1
        report
          Done 1 created, 1 updated
    ");
}

#[tokio::test(start_paused = true)]
async fn a_watched_object_is_repaired_by_any_run() {
    let story = Story::new("watched");
    story.up(program).await;
    story.cloud.calls();
    story.cloud.tamper("w-1", "value", "y");
    insta::assert_snapshot!(story.up(program).await, @r"
        plan
          update w: value y -> x because value changes; the real object differs from state
        calls
          update w-1
        report
          Done 1 updated
    ");
    story.cloud.lose("w-1");
    insta::assert_snapshot!(story.up(program).await, @r"
        plan
          create w
        calls
          create w
        report
          Done 1 created
    ");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_of_its_own_lets_state_follow() {
    let story = Story::new("refresh-only");
    story.up(program).await;
    story.cloud.tamper("a-1", "value", "y");
    story.cloud.lose("b-1");
    let session = story.session(program);
    let report = session.refresh(&story.plan, &story.events()).await.unwrap();
    let drift: Vec<_> = report.drift.iter().map(|drift| (drift.urn.name(), drift.gone, drift.changes.len())).collect();
    assert_eq!(drift, [("a", false, 1), ("b", true, 0)]);
    story.cloud.calls();
    insta::assert_snapshot!(story.tell(&session).await, @r"
        plan
          update a: value y -> x because value changes
          create b
        calls
          update a-1
          create b
        report
          Done 1 created, 1 updated
    ");
}

fn secretive(stack: &Stack, demo: &On<Demo>) -> Result<()> {
    let password = stack.secret("between us");
    stack.add(demo, Thing::new("a").value("x").password(&password));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_changed_is_drift_and_stays_masked() {
    let story = Story::new("refresh-secret");
    story.up(secretive).await;
    story.cloud.tamper("a-1", "password", "somebody's");
    story.cloud.calls();
    insta::assert_snapshot!(story.refreshing().up(secretive).await, @r"
        plan
          update a: password [secret] -> [secret] because password changes; the real object differs from state
        calls
          update a-1
        report
          Done 1 updated
    ");
}

#[tokio::test(start_paused = true)]
async fn nothing_depends_on_what_a_refresh_finds_gone() {
    let story = Story::new("refresh-edges");
    story.up(program).await;
    story.cloud.lose("a-1");
    story.session(program).refresh(&story.plan, &story.events()).await.unwrap();
    let state = story.state().await;
    assert_eq!((state.live.len(), state.damage("shop", "dev")), (2, Vec::new()));
    story.up(program).await;
    story.agree().await;
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_others_overtake_looks_again() {
    let watch = Watch::default();
    let story = Story::with_store("refresh-overtaken", Arc::new(watch.clone()));
    story.up(program).await;
    story.cloud.lose("b-1");
    let session = story.session(program);
    let observed = session.observe(&story.plan, &story.events()).await.unwrap();
    story.cloud.lose("a-1");
    story.refreshing().up(program).await;
    let late = session.follow(observed, &story.events()).await.unwrap_err();
    assert!(matches!(late, Error::Changed { .. }), "{late}");
    // Another may take the stack with its first write, right before this one's.
    story.cloud.lose("a-2");
    watch.stop(Some(Stop::Taken(1)));
    let report = session.refresh(&story.plan, &story.events()).await.unwrap();
    assert_eq!((report.drift.len(), story.state().await.live.len()), (1, 2));
}
