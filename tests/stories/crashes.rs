//! A crash at every record boundary, and then `up`: nothing lost, doubled or orphaned.

use crate::support::{
    cloud::Object,
    journal::{Stop, Watch},
    *,
};
use std::sync::Arc;

type Program = fn(&Stack, &On<Demo>) -> Result<()>;

/// A cloud without the numbers and tokens that a crash may change.
fn shape(story: &Story) -> Vec<(String, String)> {
    let objects = story.cloud.objects();
    let known = |object: &Object| {
        let mut inputs = object.inputs.clone();
        inputs.remove("needs");
        (object.logical.clone(), serde_json::Value::Object(inputs).to_string())
    };
    let mut shape: Vec<_> = objects.values().map(known).collect();
    shape.sort();
    shape
}

/// Runs `before` in peace and `after` with a crash, for each crash there is; then `after` again.
async fn at_every_boundary(name: &str, before: Program, after: Program) {
    let peace = Story::new(&format!("{name}-peace"));
    peace.up(before).await;
    peace.up(after).await;
    let expected = shape(&peace);
    let mut commits = 1;
    let mut number = 0;
    while number < commits {
        number += 1;
        for stop in [Stop::Before(number), Stop::After(number)] {
            let watch = Watch::default();
            let story = Story::with_store(&format!("{name}-{stop:?}"), Arc::new(watch.clone()));
            story.up(before).await;
            watch.stop(Some(stop));
            let stopped = tokio::select! {
                biased;
                _ = story.up(after) => false,
                () = watch.stopped.notified() => true,
            };
            commits = commits.max(if stopped { number + 1 } else { 0 });
            watch.stop(None);
            let told = story.up(after).await;
            assert_eq!(shape(&story), expected, "{stop:?}: {told}");
            story.agree().await;
            story.cloud.calls();
            let told = story.up(after).await;
            assert_eq!(told, "report\n  Done\n", "{stop:?}: a second run finds nothing to do");
            if !stopped {
                assert!(number > 2, "{name} has too few boundaries");
                return;
            }
        }
    }
}

fn nothing(_: &Stack, _: &On<Demo>) -> Result<()> {
    Ok(())
}

fn chain(stack: &Stack, demo: &On<Demo>) -> Result<()> {
    let a = stack.add(demo, Thing::new("a").value("1").shape("round"));
    let b = stack.add(demo, Thing::new("b").value(&a.id).needs([&a.id]));
    stack.add(demo, Thing::new("c").value("1").needs([&a.id, &b.id]));
    stack.add(demo, Unique::new("d").value("1").shape("round"));
    Ok(())
}

fn updated(stack: &Stack, demo: &On<Demo>) -> Result<()> {
    let a = stack.add(demo, Thing::new("a").value("2").shape("round"));
    let b = stack.add(demo, Thing::new("b").value(&a.id).label("new").needs([&a.id]));
    stack.add(demo, Thing::new("c").value("2").needs([&a.id, &b.id]));
    stack.add(demo, Unique::new("d").value("2").shape("round"));
    Ok(())
}

fn replaced(stack: &Stack, demo: &On<Demo>) -> Result<()> {
    let a = stack.add(demo, Thing::new("a").value("1").shape("square"));
    let b = stack.add(demo, Thing::new("b").value(a.id.map(|_| "fixed".to_owned())).needs([&a.id]));
    stack.add(demo, Thing::new("c").value("1").needs([&a.id, &b.id]));
    stack.add(demo, Unique::new("d").value("1").shape("round"));
    Ok(())
}

fn replaced_delete_first(stack: &Stack, demo: &On<Demo>) -> Result<()> {
    let a = stack.add(demo, Thing::new("a").value("1").shape("round"));
    let b = stack.add(demo, Thing::new("b").value(a.id.map(|_| "fixed".to_owned())).needs([&a.id]));
    stack.add(demo, Thing::new("c").value("1").needs([&a.id, &b.id]));
    stack.add(demo, Unique::new("d").value("1").shape("square"));
    Ok(())
}

fn renamed(stack: &Stack, demo: &On<Demo>) -> Result<()> {
    let a = stack.add(demo, Thing::new("first").value("3").shape("round").renamed_from("a"));
    stack.add(demo, Thing::new("b").value("fixed").needs([&a.id]));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn while_it_creates() {
    at_every_boundary("crash-create", nothing, replaced).await;
}

#[tokio::test(start_paused = true)]
async fn while_it_updates() {
    at_every_boundary("crash-update", chain, updated).await;
}

#[tokio::test(start_paused = true)]
async fn while_it_replaces_create_first() {
    at_every_boundary("crash-replace", chain, replaced).await;
}

#[tokio::test(start_paused = true)]
async fn while_it_replaces_delete_first() {
    at_every_boundary("crash-delete-first", chain, replaced_delete_first).await;
}

#[tokio::test(start_paused = true)]
async fn while_it_deletes() {
    at_every_boundary("crash-delete", chain, nothing).await;
}

#[tokio::test(start_paused = true)]
async fn while_it_renames_changes_and_deletes() {
    at_every_boundary("crash-rename", chain, renamed).await;
}

fn zone(value: &'static str, stack: &Stack, demo: &On<Demo>) {
    let zone = stack.add(demo, Thing::new("zone").value(value).shape(value));
    let (demo, id) = (*demo, zone.id.clone());
    stack.expand("records", &zone.url, move |stack, url| {
        stack.add(&demo, Thing::new("x").value(url.split('/').next().unwrap_or_default()).needs([&id]));
        Ok(())
    });
}

fn waiting(stack: &Stack, demo: &On<Demo>) -> Result<()> {
    zone("1", stack, demo);
    Ok(())
}

fn waiting_again(stack: &Stack, demo: &On<Demo>) -> Result<()> {
    zone("2", stack, demo);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn while_it_expands() {
    at_every_boundary("crash-expand", waiting, waiting_again).await;
}

fn named(stack: &Stack, demo: &On<Demo>) -> Result<()> {
    let a = stack.add(demo, Thing::new("a").value("1").shape("round").name("left"));
    stack.add(demo, Thing::new("b").value("1").shape("round").name("right").needs([&a.id]));
    stack.add(demo, Thing::new("gone").value("1").name("middle"));
    Ok(())
}

/// Two things swap their names, and a third gets that of one that goes.
fn renamed_in_a_circle(stack: &Stack, demo: &On<Demo>) -> Result<()> {
    let a = stack.add(demo, Thing::new("a").value("1").shape("square").name("right"));
    stack.add(demo, Thing::new("b").value("1").shape("square").name("left").needs([&a.id]));
    stack.add(demo, Thing::new("new").value("1").name("middle"));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn while_names_go_from_one_to_another() {
    at_every_boundary("crash-names", named, renamed_in_a_circle).await;
}

#[tokio::test(start_paused = true)]
async fn a_name_is_free_when_what_was_left_over_with_it_is_gone() {
    let watch = Watch::default();
    let story = Story::with_store("left-over-name", Arc::new(watch.clone()));
    let old = |stack: &Stack, demo: &On<Demo>| {
        stack.add(demo, Thing::new("old").value("1").shape("round").name("logs"));
        Ok(())
    };
    let moved = |stack: &Stack, demo: &On<Demo>| {
        stack.add(demo, Thing::new("old").value("1").shape("square").name("traces"));
        Ok(())
    };
    story.up(old).await;
    watch.stop(Some(Stop::After(2)));
    tokio::select! {
        biased;
        told = story.up(moved) => panic!("it was not stopped: {told}"),
        () = watch.stopped.notified() => {}
    }
    watch.stop(None);
    assert_eq!(story.state().await.condemned.len(), 1);
    story.cloud.calls();
    let again = move |stack: &Stack, demo: &On<Demo>| {
        stack.add(demo, Thing::new("new").value("1").name("logs"));
        moved(stack, demo)
    };
    insta::assert_snapshot!(story.up(again).await, @r"
        plan
          create new
          delete old because it was replaced earlier and is still there
        calls
          delete old-1
          create new
        report
          Done 1 created, 1 deleted
          recovered old: its delete was cut off: it is still there
    ");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_loses_the_stack_says_what_is_done_and_what_is_not() {
    let program = |stack: &Stack, demo: &On<Demo>| {
        let a = stack.add(demo, Thing::new("a").value("1"));
        let b = stack.add(demo, Thing::new("b").value("1").needs([&a.id]));
        stack.add(demo, Thing::new("c").value("1").needs([&b.id]));
        Ok(())
    };
    let lost = async |at| {
        let watch = Watch::default();
        let story = Story::with_store(&format!("lost-{at}"), Arc::new(watch.clone()));
        watch.stop(Some(Stop::Lost(at)));
        let told = story.up(program).await;
        watch.stop(None);
        // The next run finds out, and goes on.
        let again = story.up(program).await;
        assert!(again.contains("Done"), "{again}");
        assert_eq!(story.objects(), "a-1 b-1 c-1");
        told
    };
    insta::assert_snapshot!(lost(2).await, @r"
        report
          Failed
          not started b, c
          open a
        error
          this run has lost its hold on the stack: what was under way is finished and recorded where possible, nothing more is started
        calls
          create a
    ");
    insta::assert_snapshot!(lost(3).await, @r"
        report
          Failed 1 created
          not started c
          open b
        error
          this run has lost its hold on the stack: what was under way is finished and recorded where possible, nothing more is started
        calls
          create a
          create b with a-1
    ");
    insta::assert_snapshot!(lost(4).await, @r"
        report
          Failed 2 created
          open c
        error
          this run has lost its hold on the stack: what was under way is finished and recorded where possible, nothing more is started
        calls
          create a
          create b with a-1
          create c with b-1
    ");
}
