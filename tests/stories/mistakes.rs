//! Programs that are wrong, and what a person is told.

use crate::support::*;
use serde::Deserialize;
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn every_mistake_is_told_together_and_nothing_is_done() {
    let story = Story::new("mistakes");
    let told = story
        .up(|stack, demo| {
            stack.add(demo, Thing::new("a").value("x"));
            stack.add(demo, Thing::new("a").value("y"));
            stack.add(demo, Thing::new("b/c").value("x"));
            stack.add(demo, Thing::new("empty").value("").needs(["one two"]));
            stack.export("e", Output::known(1));
            stack.export("e", Output::known(2));
            Ok(())
        })
        .await;
    insta::assert_snapshot!(told, @r"
        refused
          T0101 demo:Thing `a` is declared twice (try: give one of them another name, or put it into a scope) at 2 sites
          T0103 resource `b/c`: a name has a slash or a control character at 1 sites
          T0102 `e` is exported twice at 2 sites
          T0201 demo:Thing `empty`: `value` must not be empty at 1 sites
          T0201 demo:Thing `empty`: `needs[0]` must be an id, found `one two` at 1 sites
    ");
}

#[tokio::test(start_paused = true)]
async fn a_fault_names_the_lines() {
    let story = Story::new("lines");
    let session = story.session(|stack, demo| {
        stack.add(demo, Thing::new("a").value("x"));
        stack.add(demo, Thing::new("a").value("y"));
        Ok(())
    });
    let plan = story.planned(&session).await.unwrap().plan;
    let lines: Vec<&str> = plan.faults[0].sites.iter().filter_map(|site| site.rsplit('/').next()).collect();
    assert!(lines.len() == 2 && lines.iter().all(|line| line.starts_with("mistakes.rs:")), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn circles_and_gaps_are_shown() {
    let story = Story::new("circles");
    let told = story
        .preview(|stack, demo| {
            let urn = |name: &str| terrane::Urn::new("dev", "shop", "", "demo:Thing", name);
            stack.add(demo, Thing::new("a").value("x").after(&urn("c")));
            stack.add(demo, Thing::new("b").value("x").after(&urn("a")));
            stack.add(demo, Thing::new("c").value("x").after(&urn("b")));
            Ok(())
        })
        .await;
    insta::assert_snapshot!(told, @r"
        plan
          T0104 resources depend on each other in a circle: b -> c -> a -> b (try: take out one of the `.after(..)` that close the circle) at 3 sites
    ");
    let told = story
        .preview(|stack, demo| {
            stack.add(
                demo,
                Thing::new("a").value("x").after(&terrane::Urn::new("dev", "shop", "", "demo:Thing", "lost")),
            );
            Ok(())
        })
        .await;
    insta::assert_snapshot!(told, @r"
        plan
          T0105 `a` depends on dev/shop/demo:Thing/lost, which the program does not declare at 1 sites
    ");
}

#[tokio::test(start_paused = true)]
async fn an_input_that_can_never_change_is_refused() {
    let story = Story::new("immutable");
    let program = |fixed: &'static str| {
        move |stack: &Stack, demo: &On<Demo>| {
            stack.add(demo, Thing::new("a").value("x").fixed(fixed));
            Ok(())
        }
    };
    story.up(program("stone")).await;
    story.cloud.calls();
    insta::assert_snapshot!(story.up(program("sand")).await, @r"
        refused
          T0202 demo:Thing `a`: `fixed` can never change: its data would be lost (try: keep the former value, or declare another resource under another name) at 1 sites
    ");
    // The same when the value comes with the run.
    let told = story
        .up(|stack, demo| {
            let b = stack.add(demo, Thing::new("b").value("x"));
            stack.add(demo, Thing::new("a").value("y").fixed(&b.url));
            Ok(())
        })
        .await;
    insta::assert_snapshot!(told, @r"
        plan
          create b
          update a: value x -> y, fixed stone -> known after b.url because value changes; fixed is known after b.url
        calls
          create b
        report
          Failed 1 created
          failed update a: T0202 demo:Thing `a`: `fixed` can never change: its data would be lost (try: keep the former value, or declare another resource under another name)
    ");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_left_the_program_is_named() {
    let mut story = Story::new("provider-left");
    let cloud = story.name.clone();
    story
        .up(|stack, demo| {
            stack.add(demo, Thing::new("a").value("x"));
            Ok(())
        })
        .await;
    story.cloud.calls();
    story.providers.clear();
    insta::assert_snapshot!(story.tell(&story.bare(|_| Ok(()))).await, @r"
        refused
          T0302 state has resources of provider `demo`, which the program does not name (try: name it with `App::provider`, or put the `demo` provider back into the program until they are deleted) at 1 sites
    ");
    // Another handle of the provider suffices: the object is deleted with the settings that it was made with.
    let session = story.bare(move |stack| {
        let south = stack.provider(Demo { cloud: cloud.clone(), region: "south".to_owned() });
        stack.add(&south, Thing::new("b").value("x"));
        Ok(())
    });
    insta::assert_snapshot!(story.tell(&session).await, @r"
        plan
          create b
          delete a because it has left the program
        calls
          delete a-1
          create b
        report
          Done 1 created, 1 deleted
    ");
}

#[derive(Deserialize)]
struct Settings {
    nodes: u32,
}

#[tokio::test(start_paused = true)]
async fn configuration_that_is_wrong_lacks_or_is_unknown() {
    let mut story = Story::new("configuration");
    let program = |stack: &Stack, demo: &On<Demo>| {
        let settings: Settings = stack.config()?;
        for node in 0..settings.nodes {
            stack.add(demo, Thing::new(format!("node-{node}")).value("x"));
        }
        Ok(())
    };
    insta::assert_snapshot!(story.preview(program).await, @r"
        error
          the program failed: the configuration lacks `nodes`
    ");
    story.config.insert("nodes".to_owned(), json!("three"));
    insta::assert_snapshot!(story.preview(program).await, @r#"
        error
          the program failed: configuration `nodes`: invalid type: string "three", expected u32
    "#);
    story.config.insert("nodes".to_owned(), json!(1));
    story.config.insert("nodez".to_owned(), json!(1));
    insta::assert_snapshot!(story.preview(program).await, @r"
        plan
          create node-0
          T0108 unknown configuration key `nodez` (try: did you mean `nodes`?)
    ");
}

#[tokio::test(start_paused = true)]
async fn a_program_that_panics_or_fails_has_done_nothing() {
    let story = Story::new("panics");
    insta::assert_snapshot!(story.up(|_, _| panic!("oh")).await, @r"
        error
          the program failed: a panic at tests/stories/mistakes.rs:…: oh
    ");
    insta::assert_snapshot!(story.up(|_, _| Err(Error::new("there is no moon"))).await, @r"
        error
          the program failed: there is no moon
    ");
    let told = story
        .up(|stack, demo| {
            let a = stack.add(demo, Thing::new("a").value("x"));
            stack.add(demo, Thing::new("b").value(a.url.map(|url| -> String { panic!("what is {url}?") })));
            stack.add(demo, Thing::new("c").value(a.url.try_map(|_| Err::<String, _>("not a number".to_owned()))));
            Ok(())
        })
        .await;
    insta::assert_snapshot!(told, @r"
        plan
          create a
          create b
          create c
        calls
          create a
        report
          Failed 1 created
          failed create b: T0201 demo:Thing `b`: `value` has no value: the program panicked at tests/stories/mistakes.rs:…: what is http://a-1/1?
          not started c
    ");
}

#[tokio::test(start_paused = true)]
async fn two_resources_are_not_one_object() {
    let story = Story::new("twins");
    let told = story
        .preview(|stack, demo| {
            stack.add(demo, Thing::new("a").value("x").name("logs"));
            stack.add(demo, Thing::new("b").value("x").name("logs"));
            stack.add(demo, Thing::new("c").value("x").name("logs").shape("round"));
            Ok(())
        })
        .await;
    insta::assert_snapshot!(told, @r#"
        plan
          create a
          create b
          create c
          T0106 demo:Thing `a` and `b` are the same object: both have `name` "logs" (try: give one of them another name, or declare the object once and pass it on) at 2 sites
    "#);
}
