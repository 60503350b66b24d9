//! Resources that are called otherwise now.

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_renamed_resource_moves_without_a_call() {
    let story = Story::new("moves");
    story
        .up(|stack, demo| {
            let a = stack.add(demo, Thing::new("a").value("x"));
            stack.add(demo, Thing::new("b").value(&a.id));
            Ok(())
        })
        .await;
    story.cloud.calls();
    let renamed = |stack: &Stack, demo: &On<Demo>| {
        let a = stack.add(demo, Thing::new("first").value("x").renamed_from("a"));
        let whole = "dev/shop/demo:Thing/b";
        stack.add(&demo.clone(), Thing::new("b").value(&a.id).renamed_from(whole));
        stack.scope("inner").add(demo, Thing::new("c").value("x").renamed_from("dev/shop/demo:Thing/c"));
        Ok(())
    };
    insta::assert_snapshot!(story.up(renamed).await, @r"
        plan
          move first (was a)
          note b
          create inner/c
        calls
          create c
        report
          Done 1 created
    ");
    insta::assert_snapshot!(story.up(renamed).await, @r"
        report
          Done
    ");
    assert_eq!(story.objects(), "a-1 b-1 c-1");
}

#[tokio::test(start_paused = true)]
async fn a_move_into_a_scope_may_come_with_a_change() {
    let story = Story::new("move-and-change");
    story
        .up(|stack, demo| {
            stack.add(demo, Thing::new("a").value("x"));
            Ok(())
        })
        .await;
    story.cloud.calls();
    let told = story
        .up(|stack, demo| {
            stack.scope("eu").add(demo, Thing::new("a").value("y").renamed_from("dev/shop/demo:Thing/a"));
            Ok(())
        })
        .await;
    insta::assert_snapshot!(told, @r"
        plan
          update eu/a (was a): value x -> y because value changes
        calls
          update a-1
        report
          Done 1 updated
    ");
}
