//! What is written, when, and how much.

use crate::support::{journal::Watch, *};
use std::sync::Arc;

fn chain(length: usize) -> impl Fn(&Stack, &On<Demo>) -> Result<()> + Send + Sync + 'static {
    move |stack, demo| {
        let mut last = stack.add(demo, Thing::new("0").value("x")).id.clone();
        for n in 1..length {
            last = stack.add(demo, Thing::new(n.to_string()).value(&last)).id.clone();
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn no_call_before_its_intent_and_no_dependent_before_the_end_of_what_it_needs() {
    let cloud = Cloud::named("journal-order");
    let story = Story::with_store("journal-order", Arc::new(Watch::telling(&cloud)));
    insta::assert_snapshot!(story.up(chain(3)).await, @r"
        plan
          create 0
          create 1
          create 2
        calls
          commit start, intent create 0
          create 0
          commit done, intent create 1
          create 1
          commit done, intent create 2
          create 2
          commit done
          commit end done
        report
          Done 3 created
    ");
    insta::assert_snapshot!(story.up(chain(3)).await, @r"
        report
          Done
    ");
    insta::assert_snapshot!(story.up(chain(1)).await, @r"
        plan
          delete 1 because it has left the program
          delete 2 because it has left the program
        calls
          commit start, intent delete 2
          delete 2-1
          commit done, intent delete 1
          delete 1-1
          commit done
          commit end done
        report
          Done 2 deleted
    ");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_changes_nothing_writes_nothing() {
    let watch = Watch::default();
    let story = Story::with_store("journal-nothing", Arc::new(watch.clone()));
    let program = |stack: &Stack, demo: &On<Demo>| {
        let a = stack.add(demo, Thing::new("a").value("x").password("p").protected().replaced_when::<u8>(1));
        stack.add(demo, Watched::new("w").value("x"));
        stack.expand("later", &a.id, |stack, id| {
            stack.export("id", Output::known(id));
            Ok(())
        });
        stack.export("key", &a.key);
        Ok(())
    };
    story.up(program).await;
    let written = watch.bytes();
    let planned = story.planned(&story.session(program)).await.unwrap();
    assert!(!planned.plan.has_changes() && !planned.needs_record());
    story.up(program).await;
    assert_eq!(watch.bytes(), written);
}

#[tokio::test(start_paused = true)]
async fn what_is_written_grows_with_what_is_done_and_no_faster() {
    let mut written = Vec::new();
    for length in [50, 100, 200] {
        let watch = Watch::default();
        Story::with_store(&format!("journal-linear-{length}"), Arc::new(watch.clone())).up(chain(length)).await;
        written.push(watch.bytes() as f64 / length as f64);
    }
    assert!(written[2] < written[0] * 1.05, "bytes a resource: {written:?}");
}
