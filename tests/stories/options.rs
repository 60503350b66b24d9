//! What a program can say about a resource beyond its inputs.

use crate::support::{demo::Ready, *};
use std::{sync::Arc, time::Duration};
use terrane::{Options, When};

/// A program with one thing.
fn one(
    value: &'static str,
    change: fn(Ready) -> Ready,
) -> impl Fn(&Stack, &On<Demo>) -> Result<()> + Send + Sync + 'static {
    move |stack, demo| {
        stack.add(demo, change(Thing::new("a").value(value)));
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn protected_resources_are_neither_deleted_nor_replaced() {
    let story = Story::new("protected");
    story.up(one("x", Options::protected)).await;
    insta::assert_snapshot!(story.up(one("x", |a| a.shape("round").protected())).await, @r"
        refused
          T0301 `a` (demo:Thing) is protected and would be replaced (try: take `.protected()` out of the program, or run `state unprotect`, then try again) at 1 sites
    ");
    insta::assert_snapshot!(story.up(|_, _| Ok(())).await, @r"
        refused
          T0301 `a` (demo:Thing) is protected and would be deleted (try: take `.protected()` out of the program, or run `state unprotect`, then try again) at 1 sites
    ");
    insta::assert_snapshot!(story.destroy().await, @r"
        refused
          T0301 `a` (demo:Thing) is protected and would be deleted (try: take `.protected()` out of the program, or run `state unprotect`, then try again) at 1 sites
    ");
    insta::assert_snapshot!(story.up(one("x", |a| a.shape("round"))).await, @r"
        plan
          replace a: shape (none) -> round because shape changes
        calls
          create a
          delete a-1
        report
          Done 1 replaced
    ");
}

#[tokio::test(start_paused = true)]
async fn an_option_that_changes_is_written_without_a_call() {
    let story = Story::new("noted");
    story.up(one("x", |a| a)).await;
    let session = story.session(one("x", Options::protected));
    let planned = story.planned(&session).await.unwrap();
    assert!(planned.needs_record() && !planned.plan.has_changes());
    story.cloud.calls();
    insta::assert_snapshot!(story.tell(&session).await, @r"
        plan
          note a
        report
          Done
    ");
    assert!(!story.planned(&session).await.unwrap().needs_record());
}

#[tokio::test(start_paused = true)]
async fn retained_objects_are_forgotten() {
    let story = Story::new("retained");
    story.up(one("x", Options::retained)).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(|_, _| Ok(())).await, @r"
        plan
          forget a because it has left the program
        report
          Done 1 forgotten
    ");
    assert_eq!(story.objects(), "a-1");
}

#[tokio::test(start_paused = true)]
async fn ignored_inputs_stay_as_they_are() {
    let story = Story::new("ignoring");
    story.up(one("x", |a| a.label("mine"))).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(one("x", |a| a.label("yours").ignoring(["label"]))).await, @r"
        report
          Done
    ");
}

#[tokio::test(start_paused = true)]
async fn replacements_by_wish() {
    let story = Story::new("by-wish");
    let program = |version: u32, label: &'static str| {
        move |stack: &Stack, demo: &On<Demo>| {
            let a = stack.add(demo, Thing::new("a").value("x").label(label).replacing_on(["label"]));
            stack.add(demo, Thing::new("with-a").value("x").replaced_with(&a));
            stack.add(demo, Thing::new("by-value").value("x").replaced_when::<u32>(version));
            Ok(())
        }
    };
    story.up(program(1, "one")).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(program(1, "two")).await, @r"
        plan
          replace a: label one -> two because label changes
          replace with-a because a is replaced
        calls
          create a
          create with-a
          delete with-a-1
          delete a-1
        report
          Done 2 replaced
    ");
    insta::assert_snapshot!(story.up(program(2, "two")).await, @r"
        plan
          replace by-value because the value that it is replaced by has changed
        calls
          create by-value
          delete by-value-1
        report
          Done 1 replaced
    ");
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_with_another_needs_no_delete_of_its_own() {
    let story = Story::new("deleted-with");
    let program = |shape: &'static str| {
        move |stack: &Stack, demo: &On<Demo>| {
            let disk = stack.add(demo, Thing::new("disk").value("x").shape(shape));
            stack.add(demo, Thing::new("file").value("x").deleted_with(&disk));
            Ok(())
        }
    };
    story.up(program("round")).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(program("square")).await, @r"
        plan
          replace disk: shape round -> square because shape changes
          replace file because disk is replaced
        calls
          create disk
          create file
          delete disk-1
        report
          Done 2 replaced, 1 forgotten
    ");
    insta::assert_snapshot!(story.destroy().await, @r"
        plan
          delete disk because the whole stack goes
          delete file because the whole stack goes
        calls
          delete disk-2
        report
          Done 1 deleted, 1 forgotten
    ");
}

#[tokio::test(start_paused = true)]
async fn an_import_adopts_what_matches_and_refuses_what_does_not() {
    let story = Story::new("imported");
    story.cloud.plant("old", "north", &serde_json::json!({"value": "x", "needs": []}));
    insta::assert_snapshot!(story.up(one("y", |a| a.imported("old"))).await, @r#"
        plan
          import a: value (none) -> y because it is new
        report
          Failed
          failed import a: T0308 `value` is "y" in the program and "x" in the object that is to be imported (try: let the program say what the object is; change it in a later run)
    "#);
    insta::assert_snapshot!(story.up(one("y", |a| a.imported("lost"))).await, @r"
        plan
          import a: value (none) -> y because it is new
        report
          Failed
          failed import a: T0305 there is no demo:Thing `lost` to import
    ");
    insta::assert_snapshot!(story.up(one("x", |a| a.imported("old"))).await, @r"
        plan
          import a: value (none) -> x because it is new
        report
          Done 1 imported
    ");
    insta::assert_snapshot!(story.up(one("z", |a| a.imported("old"))).await, @r"
        plan
          update a: value x -> z because value changes
        calls
          update old
        report
          Done 1 updated
    ");
}

#[tokio::test(start_paused = true)]
async fn an_import_can_be_asked_for_without_a_word_in_the_program() {
    let mut story = Story::new("import-asked");
    story.cloud.plant("old", "north", &serde_json::json!({"value": "x", "label": "l", "needs": []}));
    story.plan.imports.insert("a".to_owned(), "old".to_owned());
    insta::assert_snapshot!(story.up(one("y", |a| a.name("n"))).await, @r#"
        plan
          import a: value (none) -> y, name (none) -> n because it is new
        report
          Failed
          failed import a: T0308 `name` is "n" in the program and nothing in the object that is to be imported; `value` is "y" in the program and "x" in the object that is to be imported (try: let the program say what the object is; change it in a later run)
    "#);
    insta::assert_snapshot!(story.up(one("x", |a| a.label("l"))).await, @r"
        plan
          import a: value (none) -> x, label (none) -> l because it is new
        report
          Done 1 imported
    ");
    insta::assert_snapshot!(story.up(one("x", |a| a.label("l"))).await, @r"
        report
          Done
    ");
}

#[tokio::test(start_paused = true)]
async fn a_verb_that_takes_too_long_is_given_up() {
    let story = Story::new("timeout");
    story.cloud.fail("create a", 1, Trouble::Hangs);
    insta::assert_snapshot!(story.up(one("x", |a| a.timeout(Duration::from_secs(90)))).await, @r"
        plan
          create a
        calls
          create a
        report
          Failed
          failed create a: T0304 took longer than 90 s (try: give it more time with `.timeout(..)`; the next `up` looks at what has become of it)
    ");
    // Waiting counts, but the object isn't lost.
    story.cloud.fail("wait a-1", 1, Trouble::Hangs);
    insta::assert_snapshot!(story.up(one("x", |a| a.timeout(Duration::from_secs(90)))).await, @r"
        plan
          create a
        calls
          find a
          create a
          wait a-1
        report
          Failed 1 created
          recovered a: its create had not happened
          failed create a: T0304 took longer than 90 s (try: give it more time with `.timeout(..)`; the next `up` looks at what has become of it)
    ");
    insta::assert_snapshot!(story.up(one("x", |a| a.timeout(Duration::from_secs(90)))).await, @r"
        plan
          update a because its last change did not come to its end
        calls
          update a-1
          wait a-1
        report
          Done 1 updated
    ");
}

#[tokio::test(start_paused = true)]
async fn hooks_run_around_the_verbs_and_may_fail() {
    let story = Story::new("hooks");
    let cloud = story.cloud.clone();
    let program = move |value: &'static str, refuse: Option<When>| {
        let cloud = cloud.clone();
        move |stack: &Stack, demo: &On<Demo>| {
            let mut draft = Thing::new("a").value(value);
            for when in
                [When::BeforeCreate, When::AfterCreate, When::BeforeUpdate, When::AfterUpdate, When::BeforeDelete]
            {
                let cloud = Arc::clone(&cloud);
                draft = draft.hook(when, move |event| {
                    let id = event.outputs.get("id").map(ToString::to_string).unwrap_or_default();
                    cloud.note(format!("{:?} {id}", event.when));
                    Box::pin(async move { if refuse == Some(when) { Err(Error::new("no")) } else { Ok(()) } })
                });
            }
            let a = stack.add(demo, draft);
            stack.add(demo, Thing::new("b").value(&a.url));
            Ok(())
        }
    };
    insta::assert_snapshot!(story.up(program("x", Some(When::BeforeCreate))).await, @r"
        plan
          create a
          create b
        calls
          BeforeCreate 
        report
          Failed
          failed create a: hook BeforeCreate: no
          not started b
    ");
    insta::assert_snapshot!(story.up(program("x", Some(When::AfterCreate))).await, @r#"
        plan
          create a
          create b
        calls
          BeforeCreate 
          create a
          AfterCreate "a-1"
        report
          Failed 1 created
          failed create a: hook AfterCreate: no
          not started b
    "#);
    insta::assert_snapshot!(story.up(program("x", None)).await, @r#"
        plan
          update a because its last change did not come to its end
          create b
        calls
          BeforeUpdate "a-1"
          update a-1
          AfterUpdate "a-1"
          create b
        report
          Done 1 created, 1 updated
    "#);
    insta::assert_snapshot!(story.destroy_with(program("x", None)).await, @r#"
        plan
          delete a because the whole stack goes
          delete b because the whole stack goes
        calls
          delete b-1
          BeforeDelete "a-1"
          delete a-1
        report
          Done 2 deleted
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_transform_sees_every_draft_of_its_scope() {
    let story = Story::new("transform");
    let told = story
        .up(|stack, demo| {
            let eu = stack.scope("eu").transform(|kind, draft| {
                if kind == "demo:Thing" {
                    draft.options.protected = true;
                }
            });
            eu.add(demo, Thing::new("inside").value("x"));
            stack.add(demo, Thing::new("outside").value("x"));
            Ok(())
        })
        .await;
    insta::assert_snapshot!(told, @r"
        plan
          create eu/inside
          create outside
        calls
          create inside
          create outside
        report
          Done 2 created
    ");
    insta::assert_snapshot!(story.destroy().await, @r"
        refused
          T0301 `eu/inside` (demo:Thing) is protected and would be deleted (try: take `.protected()` out of the program, or run `state unprotect`, then try again) at 1 sites
    ");
}
