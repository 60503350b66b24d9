//! What is written, when, and how much.

use crate::support::{
    journal::{Stop, Watch},
    *,
};
use std::{sync::Arc, time::Duration};

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
          commit done, end done
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
          commit done, end done
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

/// Two things here, and one of each there that needs the one here: the settings of a provider come into the journal in mid-run.
fn here_and_there(story: &Story) -> terrane_engine::Session {
    let cloud = story.name.clone();
    story.bare(move |stack| {
        let [north, south] = ["north", "south"].map(|region| Demo { cloud: cloud.clone(), region: region.to_owned() });
        let (here, there) = (stack.provider(north), stack.provider(south));
        let a = stack.add(&here, Thing::new("a").value("x"));
        let c = stack.add(&here, Thing::new("c").value("x"));
        stack.add(&there, Thing::new("y").value(&a.id));
        stack.add(&there, Thing::new("z").value(&c.id));
        Ok(())
    })
}

/// Runs it with trouble at the second commit, while a call is under way that ends meanwhile.
async fn with_trouble(name: &str, stop: Stop) -> (Story, String) {
    let (cloud, watch) = (Cloud::named(name), Watch::telling(&Cloud::named(name)));
    let story = Story::with_store(name, Arc::new(watch.clone()));
    cloud.takes("create a", Duration::from_secs(1));
    cloud.takes("create c", Duration::from_secs(2));
    watch.stop(Some(stop));
    let told = story.tell(&here_and_there(&story)).await;
    watch.stop(None);
    (story, told)
}

#[tokio::test(start_paused = true)]
async fn after_a_commit_that_failed_only_the_ends_of_calls_are_written() {
    let (story, told) = with_trouble("journal-hole", Stop::Refused(2)).await;
    insta::assert_snapshot!(told, @r"
        report
          Failed 2 created
          not started y, z
        error
          no space left for memory: start nothing new, free some space (at least 2 MiB) and run again
        calls
          commit start, intent create a, intent create c
          create a
          create c
          commit done, done
    ");
    let state = story.state().await;
    assert!(state.pending.is_empty() && state.live.len() == 2, "both ends are known: {state:?}");
    insta::assert_snapshot!(story.tell(&here_and_there(&story)).await, @r"
        plan
          create y
          create z
        calls
          commit start, intent create y, intent create z
          create y
          create z
          commit done, done, end done
        report
          Done 2 created
    ");
    story.agree().await;
}

#[tokio::test(start_paused = true)]
async fn calls_whose_intents_took_the_last_room_are_taken_back() {
    let (story, told) = with_trouble("journal-full", Stop::Full(2)).await;
    insta::assert_snapshot!(told, @r"
        report
          Failed 2 created
          not started y, z
        error
          no space left at memory: what was in flight has been recorded; free at least 2 MiB and run again
        calls
          commit start, intent create a, intent create c
          create a
          create c
          commit done, intent create y
          commit failed NotApplied
          commit done
    ");
    assert!(story.state().await.pending.is_empty(), "what was never called is not open");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_long_after_its_intent_begins_anew() {
    let cloud = Cloud::named("journal-stale");
    let mut story = Story::with_store("journal-stale", Arc::new(Watch::telling(&cloud)));
    story.apply.parallel = 1;
    cloud.takes("create a", Duration::from_secs(600));
    let program = |stack: &Stack, demo: &On<Demo>| {
        stack.add(demo, Thing::new("a").value("x"));
        stack.add(demo, Thing::new("b").value("x"));
        Ok(())
    };
    insta::assert_snapshot!(story.up(program).await, @r"
        plan
          create a
          create b
        calls
          commit start, intent create a, intent create b
          create a
          commit done, failed NotApplied, intent create b
          create b
          commit done, end done
        report
          Done 2 created
    ");
    story.agree().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_permit_no_hook_runs_and_nothing_is_called() {
    let watch = Watch::default();
    let story = Story::with_store("journal-permit", Arc::new(watch.clone()));
    let cloud = story.cloud.clone();
    let program = move |stack: &Stack, demo: &On<Demo>| {
        let cloud = cloud.clone();
        let hooked = Thing::new("a").value("x").hook(terrane::When::BeforeCreate, move |_| {
            cloud.note("hook".to_owned());
            Box::pin(async { Ok(()) })
        });
        stack.add(demo, hooked);
        Ok(())
    };
    watch.stop(Some(Stop::Unpermitted(1)));
    let told = story.up(program).await;
    assert!(told.contains("failed create a: this run has lost its hold on the stack"), "{told}");
    assert!(!told.contains("calls"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_late_sign_of_life_is_waited_for_but_not_for_ever() {
    for (asked, ends) in [(100, "Done 1 created"), (1000, "has not confirmed this run's hold on the stack for 21 s")] {
        let watch = Watch::default();
        let story = Story::with_store(&format!("journal-stale-{asked}"), Arc::new(watch.clone()));
        watch.stop(Some(Stop::Stale(asked)));
        let told = story
            .up(|stack: &Stack, demo: &On<Demo>| {
                stack.add(demo, Thing::new("a").value("x"));
                Ok(())
            })
            .await;
        assert!(told.contains(ends), "{told}");
        assert!(story.state().await.pending.is_empty(), "it is known that nothing was called");
    }
}
