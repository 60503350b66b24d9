//! Runs over a part of a stack.

use crate::support::*;

fn program(stack: &Stack, demo: &On<Demo>) -> Result<()> {
    let a = stack.add(demo, Thing::new("a").value("x"));
    let b = stack.add(demo, Thing::new("b").value(&a.id).needs([&a.id]));
    stack.add(demo, Thing::new("c").value(&b.id).needs([&b.id]));
    stack.scope("eu").add(demo, Thing::new("far").value("x"));
    Ok(())
}

fn targeting(story: &Story, targets: &[&str]) -> Story {
    let mut story = story.clone();
    story.plan.targets = targets.iter().map(ToString::to_string).collect();
    story
}

#[tokio::test(start_paused = true)]
async fn targets_take_along_what_they_need() {
    let story = Story::new("targets");
    insta::assert_snapshot!(targeting(&story, &["b"]).up(program).await, @r"
        plan
          create a
          create b
        calls
          create a
          create b with a-1
        report
          Done 2 created
    ");
    insta::assert_snapshot!(targeting(&story, &["eu/*"]).up(program).await, @r"
        plan
          create eu/far
        calls
          create far
        report
          Done 1 created
    ");
    story.up(program).await;
    story.cloud.calls();
    // Whoever leaves takes along what depends on it.
    insta::assert_snapshot!(targeting(&story, &["b"]).destroy_with(program).await, @r"
        plan
          delete b because the whole stack goes
          delete c because the whole stack goes
        calls
          delete c-1
          delete b-1
        report
          Done 2 deleted
    ");
}

#[tokio::test(start_paused = true)]
async fn excluded_resources_wait_with_what_needs_them() {
    let mut story = Story::new("excludes");
    story.plan.excludes = vec!["b".to_owned()];
    insta::assert_snapshot!(story.up(program).await, @r"
        plan
          create a
          create eu/far
        calls
          create a
          create far
        report
          Done 2 created
    ");
}

#[tokio::test(start_paused = true)]
async fn a_replacement_on_demand_and_a_name_that_is_none() {
    let mut story = Story::new("replace");
    story.up(program).await;
    story.cloud.calls();
    story.plan.replace = vec!["demo:Thing/b".to_owned()];
    insta::assert_snapshot!(story.up(program).await, @r#"
        plan
          replace b because somebody asked for it
          may update c: needs ["b-1"] -> known after b.id, value b-1 -> known after b.id because needs is known after b.id; value is known after b.id
        calls
          create b with a-1
          update c-1
          delete b-1
        report
          Done 1 updated, 1 replaced
    "#);
    insta::assert_snapshot!(targeting(&story, &["eu/fat"]).up(program).await, @r"
        error
          `eu/fat` names no resource of the stack
    ");
}
