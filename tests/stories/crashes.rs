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
